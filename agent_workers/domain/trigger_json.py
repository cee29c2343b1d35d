"""Parses JSON of events so strictly that it means the same to everybody who reads it later."""

import json
from typing import NoReturn

from agent_workers.domain.trigger_event import EventRefused

DEEPEST = 64
MOST_VALUES = 10_000


def parsed(body: bytes) -> object:
    """Return the value of a JSON text; a member given twice, NaN or too much of it is refused."""
    try:
        value: object = _strict.decode(body.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise EventRefused(f"this is no JSON: {error}") from None
    _check_size(value)
    return value


def _check_size(value: object) -> None:
    waiting, seen = [(value, 1)], 0
    while waiting:
        one, depth = waiting.pop()
        seen += 1
        if seen > MOST_VALUES or depth > DEEPEST:
            raise EventRefused(f"an event has {MOST_VALUES} values and {DEEPEST} levels at most")
        if isinstance(one, str) and "\0" in one:
            raise EventRefused("text must not contain NUL")
        if isinstance(one, dict):
            waiting += [(name, depth) for name in one]
        if isinstance(one, dict | list):
            inner = one.values() if isinstance(one, dict) else one
            waiting += [(item, depth + 1) for item in inner]


def _once_each(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("an object names a member twice")
    return members


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_strict = json.JSONDecoder(object_pairs_hook=_once_each, parse_constant=_no_number)
