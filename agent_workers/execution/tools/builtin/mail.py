"""The tool `send_email`: to whom the installation allows, once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from pydantic import Field

from agent_workers.domain.effect import EffectClass
from agent_workers.domain.errors import FacilityError, NotExecuted, ToolError
from agent_workers.domain.outside.email_message import (
    LONGEST_SUBJECT,
    LONGEST_TEXT,
    MOST_RECIPIENTS,
    Email,
    EmailNotSent,
    EmailRefused,
    Outbox,
)
from agent_workers.domain.tools.declaring import tool
from agent_workers.domain.tools.facility import NotInstalled
from agent_workers.domain.tools.tool import Absent, Call, Found, Tool

_Addresses = Annotated[list[str], Field(max_length=MOST_RECIPIENTS)]
_Subject = Annotated[str, Field(max_length=LONGEST_SUBJECT)]
_Text = Annotated[str, Field(max_length=LONGEST_TEXT)]
TIMEOUT = timedelta(seconds=60)
# A server has filed what it took by then, and finds it.
SETTLE = timedelta(seconds=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class SentEmail:
    message_id: str
    recipients: Sequence[str]


class _NotTaken(ToolError):
    """Nobody got it, and sending it is all that the tool does."""

    def __init__(self, error: FacilityError) -> None:
        super().__init__(str(error))
        self.code = error.code


def mail_tool(
    *, checks_mail: bool, timeout: timedelta = TIMEOUT, settle: timedelta = SETTLE
) -> Tool:
    """Make the tool; `checks_mail`: what was sent can be looked up, so no doubt needs a person."""
    if not checks_mail:
        return tool(name="send_email", effect=EffectClass.UNSAFE, timeout=timeout)(_send)
    return tool(
        name="send_email",
        effect=EffectClass.RECONCILABLE,
        look_up=_look_up,
        timeout=timeout,
        settle=settle,
    )(_send)


def _send(  # noqa: PLR0913 (each is an argument that a planner gives by its name)
    to: _Addresses,
    subject: _Subject,
    text: _Text,
    cc: _Addresses | None = None,
    html: _Text = "",
    *,
    outbox: Outbox,
    call: Call,
) -> SentEmail:
    """Send an e-mail to people whom this installation may write to."""
    email = Email(to=tuple(to), cc=tuple(cc or ()), subject=subject, text=text, html=html)
    try:
        sent = outbox.send(email, call.key)
    except EmailNotSent as error:
        raise NotExecuted(str(error)) from None
    except (EmailRefused, NotInstalled) as error:
        raise _NotTaken(error) from None
    return SentEmail(message_id=sent, recipients=email.recipients)


def _look_up(  # noqa: PLR0913 (it is asked with the arguments of the tool)
    to: _Addresses,
    subject: _Subject,
    text: _Text,
    cc: _Addresses | None = None,
    html: _Text = "",
    *,
    outbox: Outbox,
    call: Call,
) -> Found[SentEmail] | Absent:
    found = outbox.find(call.key)
    if found is None:
        return Absent()
    email = Email(to=tuple(to), cc=tuple(cc or ()), subject=subject, text=text, html=html)
    return Found(SentEmail(message_id=found, recipients=email.recipients))
