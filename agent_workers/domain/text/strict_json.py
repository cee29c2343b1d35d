"""Parses JSON from outside so strictly that nothing Postgres or a planner refuses gets in."""

import json
import math
import re
from collections.abc import Iterable
from itertools import islice
from typing import Any, NoReturn

DEEPEST = 64
MOST_NODES = 10_000
# Of whole numbers; the smallest is one further from zero. Postgres keeps them in 64 bits.
LARGEST = 2**63 - 1
# Possessive, and a text without an end ends with the whole: what was read is never read again.
_TEXT = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_BRACKET = re.compile(r"[\[\]{}]")
_EMPTY = re.compile(r"[\[{][ \t\n\r]*+[\]}]")


class JsonRefused(Exception):
    """Why a text was refused: `malformed` when it is no JSON at all."""

    def __init__(self, detail: str, pointer: str = "", *, malformed: bool = False) -> None:
        super().__init__(detail)
        self.detail = detail
        self.pointer = pointer
        self.malformed = malformed


class _Odd(ValueError):
    """Something that JSON allows and we do not; the slow path says what and where."""


def parse(body: bytes, *, subject: str = "the body") -> object:
    """Return the value of a JSON text, or raise JsonRefused; `subject` is what it calls the text."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise JsonRefused(f"{subject} is not UTF-8 at byte {error.start}", malformed=True) from None
    _measure(text, subject)
    try:
        value = _decoded(text, subject)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise JsonRefused(f"{subject} is not JSON: {error.msg}, {place}", malformed=True) from None
    if b"\\u" in body:  # nothing else can hide what cannot be stored
        _check(value)
    return value


def _decoded(text: str, subject: str) -> object:
    try:
        return _strict.decode(text)
    except _Odd:
        _say_what_is_odd(text, subject)


def _measure(text: str, subject: str) -> None:
    """Refuse what is too deep or too much, before anything is built of it; in linear time."""
    openings = text.count("[") + text.count("{")
    if openings <= DEEPEST and openings + text.count(",") < MOST_NODES:
        return
    # Each value has one text at most, and one for its name.
    bare, texts = _TEXT.subn("0", text, count=2 * MOST_NODES)
    depth = 0
    for bracket in islice(_BRACKET.finditer(bare), 2 * MOST_NODES):
        depth += 1 if bracket[0] in "[{" else -1
        if depth > DEEPEST:
            raise JsonRefused(f"{subject} is nested deeper than {DEEPEST} levels")
    openings = bare.count("[") + bare.count("{")
    if texts == 2 * MOST_NODES or openings > MOST_NODES or _values(bare, openings) > MOST_NODES:
        raise JsonRefused(f"{subject} contains more than {MOST_NODES} values")


def _values(bare: str, openings: int) -> int:
    """Count the values: a comma is one more in its container, which else has one or none."""
    return 1 + bare.count(",") + openings - len(_EMPTY.findall(bare))


def _say_what_is_odd(text: str, subject: str) -> NoReturn:
    """Say what was odd, and where: parse again, keeping what the strict parser refuses."""
    try:
        value = _tolerant.decode(text)
    except _Odd as odd:
        raise JsonRefused(str(odd), malformed=True) from None
    _check(value)
    raise JsonRefused(f"{subject} contains a number that is out of range")


class _Number(str):
    """A number as it was written; too large to be kept."""

    __slots__ = ()


class _Pairs(list[tuple[str, object]]):
    """An object that names a member twice."""


def _check(value: object) -> None:
    """Refuse what cannot be stored; each level adds its name to the place of the first."""
    match value:
        case str():
            _check_text(value)
        case _Pairs():
            twice = _first_twice(name for name, _ in value)
            raise JsonRefused(f"the member {twice[:100]!r} occurs twice", malformed=True)
        case dict():
            for name in value:
                _check_text(name)
            _check_each(value.items())
        case list():
            _check_each(enumerate(value))
        case _:
            pass


def _check_each(items: Iterable[tuple[object, object]]) -> None:
    name: object = ""
    try:
        for name, item in items:  # noqa: B007 (said when an item is refused)
            _check(item)
    except JsonRefused as refused:
        refused.pointer = f"/{_escaped(str(name))}{refused.pointer}"
        raise


def _first_twice(names: Iterable[str]) -> str:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    raise AssertionError("no name occurs twice")


def _check_text(text: str) -> None:
    if isinstance(text, _Number):
        raise JsonRefused(f"the number {text[:40]} is out of range")
    if "\0" in text:
        raise JsonRefused("text must not contain NUL")
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            raise JsonRefused("text must not contain a lone surrogate") from None


def _escaped(key: str) -> str:
    shown = key.replace("~", "~0").replace("/", "~1")
    return shown.encode("utf-8", "replace").decode("utf-8")


def _integer(written: str) -> int:
    if len(written) < 19:  # noqa: PLR2004 (so few digits always fit 64 bits)
        return int(written)
    if len(written) > 20 or not -LARGEST - 1 <= int(written) <= LARGEST:  # noqa: PLR2004
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
