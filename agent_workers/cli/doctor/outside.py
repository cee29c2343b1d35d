"""Checks of what tools go outside with: databases to read, mail servers, and the proxy."""

import socket
from collections.abc import Callable, Iterator
from contextlib import closing

from agent_workers.domain.errors import FacilityError
from agent_workers.domain.outside.sql_source import SqlBounds
from agent_workers.execution.outside.proxies import proxy_of
from agent_workers.local.outside import outbox_of
from agent_workers.settings import Settings
from agent_workers.state.foreign.sources import ReadOnlySources
from agent_workers.terminal.findings import Finding, fail, ok, warn

_PATIENCE_S = 3.0
_NOBODY = "0" * 32  # the key of no step


def check_outside(settings: Settings) -> Iterator[Finding]:
    """Try everything that is set; what is not set is nobody's fault."""
    sources = ReadOnlySources(settings.sql_sources)
    for name in sorted(settings.sql_sources):
        yield _tried(
            f"sql_query: the role of source {name!r} may read, and nothing else",
            lambda name=name: sources.query(name, "select 1", (), SqlBounds()),  # type: ignore[misc]
            "correct AGENT_SQL_SOURCES (docs/tools-builtin.md), then run `agent-workers doctor`",
        )
    if settings.smtp_url:
        yield from _mail(settings)
    if settings.egress_proxy:
        yield _proxy(settings.egress_proxy)


def _mail(settings: Settings) -> Iterator[Finding]:
    outbox = outbox_of(settings)
    remedy = "correct AGENT_SMTP_URL or AGENT_MAIL_FROM, then run `agent-workers doctor`"
    yield _tried("send_email: the mail server accepts our mail", outbox.check_sending, remedy)
    if not settings.mail_recipients:
        yield warn("send_email may not write to anybody", "set AGENT_MAIL_RECIPIENTS")
    if settings.imap_url:
        yield _tried(
            "send_email: sent mail can be looked up",
            lambda: outbox.find(_NOBODY),
            "correct AGENT_IMAP_URL (its path is the folder where the server keeps sent mail), then run `agent-workers doctor`",
        )


def _proxy(url: str) -> Finding:
    proxy = proxy_of(url)
    assert proxy is not None
    try:
        with closing(socket.create_connection((proxy.host, proxy.port), _PATIENCE_S)):
            return ok("the egress proxy answers")
    except OSError as error:
        return fail(
            f"the egress proxy does not answer ({error})",
            "start it, or correct AGENT_EGRESS_PROXY, then run `agent-workers doctor`",
        )


def _tried(text: str, attempt: Callable[[], object], remedy: str) -> Finding:
    try:
        attempt()
    except FacilityError as error:
        return fail(str(error), remedy)
    return ok(text)
