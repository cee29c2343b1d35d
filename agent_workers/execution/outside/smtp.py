"""Hands one message to an SMTP server, and knows for each moment what a failure there means."""

import smtplib
import ssl
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from agent_workers.domain.outside.email_message import EmailNotSent, EmailRefused, EmailUnclear
from agent_workers.domain.outside.shown import one_line
from agent_workers.execution.outside.mail_servers import MailServer

_TIMEOUT_S = 10.0
# A server that is slow before the message came costs a try; one that is slow after it, a doubt.
_ANNOUNCED_WITHIN_S = 25.0
_GO_AHEAD, _TAKEN = 354, 250
_FOR_GOOD = range(500, 600)
# A name or a password that is no ASCII is a ValueError.
_FAILURES = (smtplib.SMTPException, OSError, ValueError)
_TAKES, _REFUSALS = range(200, 300), range(400, 600)


def hand_over(
    server: MailServer,
    message: bytes,
    *,
    sender: str,
    recipients: Sequence[str],
    context: ssl.SSLContext,
    within_s: float = _ANNOUNCED_WITHIN_S,
) -> None:
    """Send to all recipients or to none; returns when the server has taken it."""
    end = time.monotonic() + within_s
    try:
        with _opened(server, context, name=sender.rpartition("@")[2]) as smtp:
            _announce(smtp, sender, recipients, end)
            _send(smtp, message)
    except _FAILURES as error:
        # `_send` tells its own failures apart: here nothing of the message has left us.
        raise EmailNotSent(f"{server.host} was not reached: {_said(error)}") from None


def reach(server: MailServer, *, sender: str, context: ssl.SSLContext) -> None:
    """Log in and say who writes, and send nothing."""
    try:
        with _opened(server, context, name=sender.rpartition("@")[2]) as smtp:
            _check(smtp.mail(sender), f"the sender {sender}")
    except _FAILURES as error:
        raise EmailNotSent(f"{server.host} was not reached: {_said(error)}") from None


@contextmanager
def _opened(server: MailServer, context: ssl.SSLContext, *, name: str) -> Iterator[smtplib.SMTP]:
    place = (server.host, server.port)
    smtp = (
        smtplib.SMTP_SSL(*place, timeout=_TIMEOUT_S, context=context, local_hostname=name)
        if server.is_tls
        else smtplib.SMTP(*place, timeout=_TIMEOUT_S, local_hostname=name)
    )
    try:
        if server.starts_tls:
            smtp.starttls(context=context)
        if server.user:
            smtp.login(server.user, server.password)
        else:
            smtp.ehlo_or_helo_if_needed()
        yield smtp
        with suppress(smtplib.SMTPException, OSError):  # it is taken, whatever is said now
            smtp.quit()
    finally:
        with suppress(OSError):
            smtp.close()


def _announce(smtp: smtplib.SMTP, sender: str, recipients: Sequence[str], end: float) -> None:
    """Say who writes to whom; who is not taken, or takes too long, ends it for all."""
    _check(smtp.mail(sender), "the sender")
    for recipient in recipients:
        _check(smtp.rcpt(recipient), recipient)
        if time.monotonic() > end:
            raise EmailNotSent("the server takes too long")
    code, said = smtp.docmd("data")
    if code != _GO_AHEAD:
        _refuse(code, said, "the message")


def _send(smtp: smtplib.SMTP, message: bytes) -> None:
    """From the first byte on only the server's word says whether it was sent."""
    whole = message if message.endswith(b"\r\n") else message + b"\r\n"
    stuffed = whole.replace(b"\r\n.", b"\r\n..")
    try:
        smtp.send(stuffed + b".\r\n")
        code, said = smtp.getreply()
    except _FAILURES as error:
        raise EmailUnclear(f"the server may have taken the message: {_said(error)}") from None
    if code in _REFUSALS:
        _refuse(code, said, "the message")
    if code != _TAKEN:
        raise EmailUnclear(f"the server may have taken the message: it answered {code}")


def _check(reply: tuple[int, bytes], what: str) -> None:
    if reply[0] not in _TAKES:
        _refuse(*reply, what)


def _refuse(code: int, said: bytes, what: str) -> None:
    text = f"the server refused {what}: {code} {one_line(said.decode('ascii', 'replace')[:300])}"
    if code in _FOR_GOOD:
        raise EmailRefused(text)
    raise EmailNotSent(text)


def _said(error: Exception) -> str:
    """What went wrong, without what was sent: an answer to a login may repeat it."""
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return f"it refused the login ({error.smtp_code})"
    if isinstance(error, smtplib.SMTPResponseException):
        return f"it said {error.smtp_code}"
    return f"{type(error).__name__}: {error}"[:300]
