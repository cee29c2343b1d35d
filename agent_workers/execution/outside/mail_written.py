"""An e-mail as the bytes that are sent: in them no line is anything but what we meant it to be."""

from datetime import UTC, datetime
from email.header import Header
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from agent_workers.domain.outside.email_message import Email, EmailRefused, message_id


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
