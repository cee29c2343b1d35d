"""What goes outside from this process: HTTP, SQL and mail of tools, as settings allow it."""

import ssl
from collections.abc import Mapping
from functools import cache

from agent_workers.domain.outside.email_message import Outbox
from agent_workers.domain.outside.http import Http
from agent_workers.domain.outside.reach import Reach, networks_of
from agent_workers.domain.outside.sql_source import SqlSources
from agent_workers.domain.tools.facility import Made, NotInstalled
from agent_workers.domain.tools.tool import Call
from agent_workers.execution.outside.calling import Caller
from agent_workers.execution.outside.outbox import MailOutbox
from agent_workers.execution.outside.proxies import proxy_of
from agent_workers.settings_tools import ToolSettings
from agent_workers.state.foreign.sources import ReadOnlySources


def reach_of(settings: ToolSettings) -> Reach:
    """Where tools may go; the schemes are those of the web."""
    return Reach(hosts=settings.http_hosts, private=networks_of(settings.http_private))


def outside(settings: ToolSettings) -> Mapping[type, Made]:
    """Return the facilities that go outside; nothing is opened before a tool asks."""
    caller = cache(lambda: caller_of(settings))
    outbox = cache(lambda: _outbox(settings))
    return {
        Http: lambda _: caller(),
        SqlSources: _sql_sources(settings),
        Outbox: lambda _: outbox(),
    }


def caller_of(settings: ToolSettings) -> Caller:
    """Return the way out of this process, as settings allow it."""
    return Caller(
        reach=reach_of(settings),
        context=ssl.create_default_context(),
        proxy=proxy_of(settings.egress_proxy),
    )


def _outbox(settings: ToolSettings) -> MailOutbox:
    return MailOutbox(
        smtp_url=settings.smtp_url,
        imap_url=settings.imap_url,
        sender=settings.mail_from,
        recipients=settings.mail_recipients,
        context=ssl.create_default_context(),
    )


def _sql_sources(settings: ToolSettings) -> Made:
    sources = ReadOnlySources(settings.sql_sources)

    def give(_: Call) -> ReadOnlySources:
        if not settings.sql_sources:
            raise NotInstalled("no database may be read: AGENT_SQL_SOURCES is not set")
        return sources

    return give
