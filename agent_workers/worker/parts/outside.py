"""What goes outside from this process: HTTP, SQL and mail of tools, as settings allow it."""

from collections.abc import Mapping
from functools import cache

from agent_workers.domain.outside.email_message import Outbox
from agent_workers.domain.outside.http import Http
from agent_workers.domain.outside.sql_source import SqlSources
from agent_workers.domain.tools.facility import Made, NotInstalled
from agent_workers.domain.tools.tool import Call
from agent_workers.local.outside import caller_of, outbox_of
from agent_workers.settings_tools import ToolSettings
from agent_workers.state.foreign.sources import ReadOnlySources


def outside(settings: ToolSettings) -> Mapping[type, Made]:
    """Return the facilities that go outside; nothing is opened before a tool asks."""
    caller = cache(lambda: caller_of(settings))
    outbox = cache(lambda: outbox_of(settings))
    return {
        Http: lambda _: caller(),
        SqlSources: _sql_sources(settings),
        Outbox: lambda _: outbox(),
    }


def _sql_sources(settings: ToolSettings) -> Made:
    sources = ReadOnlySources(settings.sql_sources)

    def give(_: Call) -> ReadOnlySources:
        if not settings.sql_sources:
            raise NotInstalled("no database may be read: AGENT_SQL_SOURCES is not set")
        return sources

    return give
