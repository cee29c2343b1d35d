"""The mail of an installation: one sender, a list of recipients, and a server for each way."""

import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.header import Header
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from agent_workers.domain.outside.email_message import (
    Email,
    EmailRefused,
    check_email,
    is_address,
    message_id,
    message_mark,
)
from agent_workers.domain.tools.facility import NotInstalled
from agent_workers.execution.outside.imap import is_filed
from agent_workers.execution.outside.mail_servers import mail_server
from agent_workers.execution.outside.smtp import hand_over, reach


@dataclass(frozen=True, slots=True, kw_only=True)
class MailOutbox:
    """What `Outbox` is in a worker; nothing is kept open between two messages."""

    smtp_url: str = field(repr=False)
    imap_url: str = field(default="", repr=False)
    sender: str
    recipients: Sequence[str]
    context: ssl.SSLContext

    def send(self, email: Email, key: str) -> str:
        """Send it, and return its Message-ID."""
        server = mail_server(self.smtp_url, "AGENT_SMTP_URL")
        self._check_sender()
        check_email(email, self.recipients)
        message = written(email, sender=self.sender, key=key)
        hand_over(
            server,
            message,
            sender=self.sender,
            recipients=email.recipients,
            context=self.context,
        )
        return message_id(key, self.sender)

    def check_sending(self) -> None:
        """Log in where mail is sent, and send nothing; raises what would be raised."""
        server = mail_server(self.smtp_url, "AGENT_SMTP_URL")
        self._check_sender()
        reach(server, sender=self.sender, context=self.context)

    def _check_sender(self) -> None:
        if not is_address(self.sender):
            raise NotInstalled("no mail can be sent: AGENT_MAIL_FROM is not an e-mail address")

    def find(self, key: str) -> str | None:
        """Return the Message-ID of what was sent with this key, or nothing when it was not."""
        server = mail_server(self.imap_url, "AGENT_IMAP_URL")
        sent = message_id(key, self.sender)
        marks = (sent, message_mark(key))
        return sent if is_filed(server, marks, context=self.context) else None


def written(email: Email, *, sender: str, key: str) -> bytes:
    """Write the message; texts go as base64, so no line of theirs can end it early."""
    message = EmailMessage(policy=SMTP)
    try:
        message["From"] = sender
        message["To"] = ", ".join(email.to)
        if email.cc:
            message["Cc"] = ", ".join(email.cc)
        message["Date"] = format_datetime(datetime.now(UTC))
        message["Message-ID"] = message_id(key, sender)
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(email.text, charset="utf-8", cte="base64")
        if email.html:
            message.add_alternative(email.html, subtype="html", charset="utf-8", cte="base64")
        return _subject(email.subject) + message.as_bytes()
    except (ValueError, LookupError) as error:
        raise EmailRefused(f"the message cannot be written: {error}") from None


def _subject(text: str) -> bytes:
    """Encode all of it: EmailMessage would read `=?utf-8?q?=0A?=` in it, and write the line end."""
    header = Header(text, "utf-8", header_name="Subject")
    encoded = header.encode(linesep="\r\n")
    return f"Subject: {encoded}\r\n".encode("ascii")
