"""E-mail as tools see it: who may be written to, and what one message is."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from agent_workers.domain.errors import FacilityAway, FacilityError
from agent_workers.domain.tools.facility import Facility

MOST_RECIPIENTS = 20
LONGEST_SUBJECT = 500
LONGEST_TEXT = 500_000
# Plain addresses and nothing else: no names, quotes, comments, routes or lists of several.
_ADDRESS = re.compile(
    r"[A-Za-z0-9](?:[A-Za-z0-9._+=-]{0,62}[A-Za-z0-9_+=-])?"
    r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z][A-Za-z0-9-]{0,61}[A-Za-z0-9]"
)
_LONGEST_ADDRESS = 254


@dataclass(frozen=True, slots=True, kw_only=True)
class Email:
    to: Sequence[str]
    subject: str
    text: str
    cc: Sequence[str] = ()
    html: str = ""

    @property
    def recipients(self) -> Sequence[str]:
        """Everybody who gets it, once."""
        return tuple(dict.fromkeys((*self.to, *self.cc)))


class Outbox(Facility, Protocol):
    """Sends mail in the name of this installation; the key makes the Message-ID."""

    def send(self, email: Email, key: str) -> str:
        """Send it and return its Message-ID."""

    def find(self, key: str) -> str | None:
        """Return the Message-ID of what was sent with this key, or nothing when it was not."""


class EmailRefused(FacilityError):
    """It may not be sent, or the server refused it for good; nobody got it."""

    code = "refused"


class EmailNotSent(FacilityAway):
    """It was not sent, and may be later."""


class EmailUnclear(FacilityAway):
    """The server had all of it, and did not say whether it took it."""


def check_email(email: Email, allowed: Iterable[str]) -> None:
    """Refuse what could be read as more than one message, and whoever is not on the list."""
    recipients = email.recipients
    if not email.to:
        raise EmailRefused("there are no recipients")
    if len(recipients) > MOST_RECIPIENTS:
        raise EmailRefused(f"there are more than {MOST_RECIPIENTS} recipients")
    patterns = [one.lower() for one in allowed]
    for address in recipients:
        if not is_address(address):
            raise EmailRefused(f"{address!r} is not a plain address like ann@example.com")
        if not _may_get(address.lower(), patterns):
            raise EmailRefused(f"{address!r} is not in AGENT_MAIL_RECIPIENTS")
    if not email.subject.isprintable() or len(email.subject) > LONGEST_SUBJECT:
        words = f"the subject must be one line of at most {LONGEST_SUBJECT} characters"
        raise EmailRefused(f"{words}, none of them invisible")
    if max(len(email.text), len(email.html)) > LONGEST_TEXT:
        raise EmailRefused(f"the text must have at most {LONGEST_TEXT} characters")


def is_address(address: str) -> bool:
    whole = _ADDRESS.fullmatch(address)
    return bool(whole) and ".." not in address and len(address) <= _LONGEST_ADDRESS


def is_recipient_pattern(pattern: str) -> bool:
    """Say whether this can be on a list of recipients: an address, or everybody of a domain."""
    return is_address(f"x{pattern[1:]}" if pattern.startswith("*@") else pattern)


def message_id(key: str, sender: str) -> str:
    """The same for every attempt, so that what was sent can be found."""
    return f"<{message_mark(key)}{sender.rpartition('@')[2]}>"


def message_mark(key: str) -> str:
    """The part of it that stays the same when the sender of an installation is changed."""
    return f"agent-workers.{key}@"


def _may_get(address: str, patterns: Iterable[str]) -> bool:
    at = address[address.rindex("@") :]
    return any(one in {address, f"*{at}"} for one in patterns)
