"""Reads server-sent events: the numbered facts of a job, as the API tells them."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One numbered event; `data` is all that was said with it."""

    number: int
    type: str
    # Any: what the journal holds of the event.
    data: dict[str, Any]


def events_in(lines: Iterable[str]) -> Iterator[Event]:
    """Yield the events of a stream; what was not ended by an empty line was not sent whole."""
    fields: dict[str, str] = {}
    for line in lines:
        if not line:
            event = _event(fields)
            if event is not None:
                yield event
            fields = {}
        elif not line.startswith(":"):
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            # Several data lines are one value with line breaks.
            known = name == "data" and "data" in fields
            fields[name] = f"{fields['data']}\n{value}" if known else value


def _event(fields: dict[str, str]) -> Event | None:
    if "data" not in fields or "id" not in fields:
        return None
    data = json.loads(fields["data"])
    return Event(number=int(fields["id"]), type=fields.get("event", "message"), data=data)
