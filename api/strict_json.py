"""Parses JSON from outside so strictly that nothing Postgres or a planner refuses gets in."""

import json
import math
from typing import Any, NoReturn

DEEPEST = 64
MOST_NODES = 10_000
_LARGEST = 2**63 - 1


class Refused(Exception):
    """Why a body was refused: `malformed` when it is no JSON at all."""

    def __init__(self, detail: str, pointer: str = "", *, malformed: bool = False) -> None:
        super().__init__(detail)
        self.detail = detail
        self.pointer = pointer
        self.malformed = malformed


class _Odd(ValueError):
    """Something that JSON allows and we do not; the slow path says what and where."""


def parse(body: bytes) -> object:
    """Return the value of a JSON text, or raise Refused."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refused(f"the body is not UTF-8: byte {error.start}", malformed=True) from None
    try:
        value = _strict.decode(text)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise Refused(f"the body is not JSON: {error.msg}, {place}", malformed=True) from None
    except RecursionError:
        raise Refused(f"the body is nested deeper than {DEEPEST} levels") from None
    except _Odd:
        value = _lenient(text)
    # A small body without escapes and with few brackets cannot break the rules below.
    brackets = body.count(b"{") + body.count(b"[")
    if len(body) > MOST_NODES or b"\\u" in body or brackets > DEEPEST:
        _walk(value)
    return value


def _lenient(text: str) -> NoReturn:
    """Say what was odd, and where: parse again, keeping what the strict parser refuses."""
    try:
        value = _tolerant.decode(text)
    except RecursionError:
        raise Refused(f"the body is nested deeper than {DEEPEST} levels") from None
    except _Odd as odd:
        raise Refused(str(odd), malformed=True) from None
    _walk(value)
    raise Refused("the body holds a number out of range")


class _Number(str):
    """A number as it was written; too large to be kept."""

    __slots__ = ()


class _Pairs(list[tuple[str, object]]):
    """An object that names a member twice."""


def _walk(value: object) -> None:
    """Refuse what is too deep, too much, or cannot be stored; with the place of the first."""
    nodes = 0
    stack: list[tuple[object, str, int]] = [(value, "", 1)]
    while stack:
        node, pointer, depth = stack.pop()
        nodes += 1
        if nodes > MOST_NODES:
            raise Refused(f"the body holds more than {MOST_NODES} values")
        if isinstance(node, str):
            _check_text(node, pointer)
            continue
        members = _members(node, pointer)
        if depth > DEEPEST and isinstance(node, dict | list):
            raise Refused(f"the body is nested deeper than {DEEPEST} levels")
        for key, item in reversed(members):
            stack.append((item, f"{pointer}/{_escaped(key)}", depth + 1))


def _members(node: object, pointer: str) -> list[tuple[str, object]]:
    match node:
        case _Pairs():
            names = [name for name, _ in node]
            twice = next(name for name in names if names.count(name) > 1)
            raise Refused(f"the member {twice[:100]!r} occurs twice", pointer, malformed=True)
        case dict():
            for name in node:
                _check_text(name, pointer)
            return list(node.items())
        case list():
            return [(str(index), item) for index, item in enumerate(node)]
        case _:
            return []


def _check_text(text: str, pointer: str) -> None:
    if isinstance(text, _Number):
        raise Refused(f"the number {text[:40]} is out of range", pointer)
    if "\0" in text:
        raise Refused("text must not contain NUL", pointer)
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            raise Refused("text must not contain a lone surrogate", pointer) from None


def _escaped(key: str) -> str:
    shown = key.replace("~", "~0").replace("/", "~1")
    return shown.encode("utf-8", "replace").decode("utf-8")


def _integer(written: str) -> int:
    if len(written) < 19:  # noqa: PLR2004 (so few digits always fit 64 bits)
        return int(written)
    if len(written) > 20 or not -_LARGEST - 1 <= int(written) <= _LARGEST:  # noqa: PLR2004
        raise _Odd
    return int(written)


def _number(written: str) -> float:
    value = float(written)
    if math.isinf(value):
        raise _Odd
    return value


def _once_each(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _Odd
    return members


def _constant(name: str) -> NoReturn:
    raise _Odd(f"{name} is not JSON")


def _kept_number(written: str) -> object:
    try:
        return _number(written) if set(written) & set(".eE") else _integer(written)
    except _Odd:
        return _Number(written)


# Any: json.JSONDecoder's own types say so.
def _kept_pairs(pairs: list[tuple[str, Any]]) -> object:
    members = dict(pairs)
    return members if len(members) == len(pairs) else _Pairs(pairs)


_strict = json.JSONDecoder(
    object_pairs_hook=_once_each,
    parse_int=_integer,
    parse_float=_number,
    parse_constant=_constant,
)
_tolerant = json.JSONDecoder(
    object_pairs_hook=_kept_pairs,
    parse_int=_kept_number,
    parse_float=_kept_number,
    parse_constant=_constant,
)
