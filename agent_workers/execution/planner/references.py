"""References in arguments: `{"$from": ID, "path": …}` stands for the result of another call."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from agent_workers.domain.text.encoding import canonical

_FROM = "$from"
_PATH = "path"
# Arguments without it hold no reference.
MARK: Final = b'"$from"'


class Unresolved(Exception):
    """A reference names what is not there; the message never quotes a result."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A reference, and where in the arguments it stands."""

    place: tuple[str | int, ...]
    call_id: str
    path: str


def references(arguments: bytes) -> tuple[Reference, ...]:
    """Find all references in the arguments of a call."""
    if MARK not in arguments:
        return ()
    return tuple(_found(json.loads(arguments), ()))


def resolved(arguments: bytes, results: Mapping[str, object]) -> bytes:
    """Put results in place of the references to them; what results hold is never looked into.

    A reference to a call that is not among the results stays as it is.
    """
    if MARK not in arguments:
        return arguments
    return canonical(_replaced(json.loads(arguments), results))


def _found(value: object, place: tuple[str | int, ...]) -> Iterator[Reference]:
    asked = _reference(value)
    if asked is not None:
        yield Reference(place=place, call_id=asked[0], path=asked[1])
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _found(item, (*place, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _found(item, (*place, index))


def _replaced(value: object, results: Mapping[str, object]) -> object:
    asked = _reference(value)
    if asked is not None:
        return _at(results[asked[0]], *asked) if asked[0] in results else value
    if isinstance(value, dict):
        return {key: _replaced(item, results) for key, item in value.items()}
    if isinstance(value, list):
        return [_replaced(item, results) for item in value]
    return value


def _reference(value: object) -> tuple[str, str] | None:
    if not isinstance(value, dict) or not {_FROM} <= value.keys() <= {_FROM, _PATH}:
        return None
    call_id, path = value[_FROM], value.get(_PATH, "")
    return (call_id, path) if isinstance(call_id, str) and isinstance(path, str) else None


def _at(value: object, call_id: str, path: str) -> object:
    for part in filter(None, path.split(".")):
        if isinstance(value, dict) and part in value:
            value = value[part]
        elif (
            isinstance(value, list) and part.isascii() and part.isdigit() and int(part) < len(value)
        ):
            value = value[int(part)]
        else:
            raise Unresolved(f"the result of {call_id!r} has nothing at {path!r}")
    return value
