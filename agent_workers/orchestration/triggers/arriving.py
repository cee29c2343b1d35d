"""Reads what arrived: its events, or the dead letter that it becomes."""

from collections.abc import Sequence
from dataclasses import dataclass

from agent_workers.domain.text.strict_json import JsonRefused, parse
from agent_workers.domain.triggers.event import CloudEvent, EventRefused
from agent_workers.domain.triggers.message import Message, events_of
from agent_workers.state.triggers.dead_letters import DeadLetter

LARGEST = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """A message and the events in it; none when it is poison, which `letter` then says."""

    message: Message
    origin: str
    events: Sequence[CloudEvent] = ()
    letter: DeadLetter | None = None


def arrived_of(message: Message, *, origin: str) -> Arrived:
    """Read the events of a message; poison is kept as it came."""
    try:
        events = _events(message)
    except EventRefused as error:
        at = f" at {error.pointer}" if error.pointer else ""
        letter = dead(message, origin=origin, code=error.code, detail=f"{error}{at}")
        return Arrived(message=message, origin=origin, letter=letter)
    return Arrived(message=message, origin=origin, events=events)


def dead(message: Message, *, origin: str, code: str, detail: str) -> DeadLetter:
    return DeadLetter(message=message, origin=origin, code=code, detail=detail)


def _events(message: Message) -> list[CloudEvent]:
    if len(message.body) > LARGEST:
        raise EventRefused(f"a message may have at most {LARGEST} bytes")
    try:
        return events_of(message, _parsed, plain_json=True)
    except JsonRefused as refused:
        raise EventRefused(refused.detail, pointer=refused.pointer) from None


def _parsed(body: bytes) -> object:
    return parse(body, subject="the message")
