"""The ways out of a process here, as settings allow them: HTTP and mail."""

import ssl

from agent_workers.domain.outside.reach import Reach, networks_of
from agent_workers.execution.outside.calling import Caller
from agent_workers.execution.outside.outbox import MailOutbox
from agent_workers.execution.outside.proxies import proxy_of
from agent_workers.settings_tools import ToolSettings


def caller_of(settings: ToolSettings) -> Caller:
    return Caller(
        reach=Reach(hosts=settings.http_hosts, private=networks_of(settings.http_private)),
        context=ssl.create_default_context(),
        proxy=proxy_of(settings.egress_proxy),
    )


def outbox_of(settings: ToolSettings) -> MailOutbox:
    return MailOutbox(
        smtp_url=settings.smtp_url,
        imap_url=settings.imap_url,
        sender=settings.mail_from,
        recipients=settings.mail_recipients,
        context=ssl.create_default_context(),
    )
