"""Looks up whether a message was sent: in the folder where the mail server files what it took."""

import imaplib
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from agent_workers.domain.errors import FacilityAway
from agent_workers.domain.outside.shown import one_line
from agent_workers.domain.tools.facility import NotInstalled
from agent_workers.execution.outside.mail_servers import MailServer

_TIMEOUT_S = 10.0


def is_filed(server: MailServer, marks: tuple[str, str], *, context: ssl.SSLContext) -> bool:
    """Search for a Message-ID, or for a part of it; only a whole answer is one."""
    whole, part = (("HEADER", "Message-ID", _quoted(mark)) for mark in marks)
    try:
        with _opened(server, context) as imap:
            _ok(imap.select(_quoted(server.folder), readonly=True), f"select {server.folder}")
            found = _ok(imap.uid("SEARCH", "OR", *whole, *part), "search")
    except (imaplib.IMAP4.error, OSError) as error:
        raise FacilityAway(
            f"{server.host} could not be asked: {one_line(str(error)[:300])}"
        ) from None
    if not found:
        raise FacilityAway(f"{server.host} did not say what it found")
    return any(numbers.split() for numbers in found)


@contextmanager
def _opened(server: MailServer, context: ssl.SSLContext) -> Iterator[imaplib.IMAP4]:
    place = (server.host, server.port)
    imap = (
        imaplib.IMAP4_SSL(*place, ssl_context=context, timeout=_TIMEOUT_S)
        if server.is_tls
        else imaplib.IMAP4(*place, timeout=_TIMEOUT_S)
    )
    try:
        if server.starts_tls:
            imap.starttls(context)
        _log_in(imap, server)
        yield imap
    finally:
        with suppress(imaplib.IMAP4.error, OSError):
            imap.logout()
        with suppress(OSError):  # a server that is gone leaves us with the connection
            imap.shutdown()


def _log_in(imap: imaplib.IMAP4, server: MailServer) -> None:
    try:
        imap.login(server.user, server.password)
    except imaplib.IMAP4.abort:
        raise
    except (imaplib.IMAP4.error, UnicodeError):
        # Without what the server said: it may repeat what it was sent.
        raise imaplib.IMAP4.error("it refused the login") from None


def _ok(answer: tuple[str, Sequence[object]], what: str) -> list[bytes]:
    status, parts = answer
    if status != "OK":
        raise imaplib.IMAP4.error(f"{what}: {status}")
    return [part for part in parts if isinstance(part, bytes)]


def _quoted(text: str) -> str:
    if not text.isascii() or not text.isprintable():
        raise NotInstalled("AGENT_IMAP_URL: write the folder in printable ASCII (modified UTF-7)")
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
