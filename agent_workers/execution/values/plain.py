"""Turns what users' code returned into plain JSON values, and says where something has no JSON form."""

import base64
import math
from collections.abc import Callable, Iterator, Mapping, Sequence, Set, ValuesView
from contextlib import suppress
from dataclasses import dataclass, fields, is_dataclass
from datetime import date, time
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any, Final
from uuid import UUID

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

_DEEPEST: Final = 64
# An answer may wrap results: what was good for a tool is good within one.
_DEEPEST_ANSWER: Final = 2 * _DEEPEST
# Python writes no longer integers in decimal.
_MOST_BITS: Final = 13_000
_MOST_TOLD: Final = 10_000
_MANY = (Sequence, Set, ValuesView)
# Nearly everything is one of these: no walk, and no place is put together for it.
_AS_IS = frozenset({str, bool, type(None)})
_TEXT_AS_KEY = (UUID, date, time, Decimal, PurePath)
# The only member of the object that stands for a value without a JSON form, beside what is kept of it.
NOT_JSON: Final = "not_json"
_KEPT: Final = "kept"

Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfit:
    """A value that JSON has no form for: where it stands, and what it is."""

    place: Place
    what: str
    kept: object = None
    is_key: bool = False


class NotJson(Exception):
    """Users' code returned something that is not JSON."""

    def __init__(self, unfit: Unfit) -> None:
        # Two members would become one, or one cannot be named: no other way of writing helps.
        self.is_key = unfit.is_key
        super().__init__(told_of(unfit))


def plain(value: object, *, is_answer: bool = False) -> object:
    """Return the value as JSON knows it; raise `NotJson` where it does not."""
    return _Walk(_refuse, _DEEPEST_ANSWER if is_answer else _DEEPEST).of(value, (), ())


def described(value: object) -> object:
    """Return the value as JSON knows it; what it does not know is described. Never raises."""
    return _Walk(_describe).of(value, (), ())


def first_described(value: object, place: Place = ()) -> Unfit | None:
    """Find what `described` had to describe in a value, if there is any."""
    if isinstance(value, dict):
        if value.keys() == {NOT_JSON, _KEPT}:
            return Unfit(place=place, what=str(value[NOT_JSON]), kept=value[_KEPT])
        within: Iterator[tuple[str | int, object]] = iter(value.items())
    elif isinstance(value, list):
        within = iter(enumerate(value))
    else:
        return None
    found = (first_described(item, (*place, key)) for key, item in within)
    return next((one for one in found if one is not None), None)


def told_of(unfit: Unfit) -> str:
    """Say where what is not JSON stands, and what it is."""
    at = f" at {path_of(unfit.place)}" if unfit.place else ""
    return f"something that is not JSON{at}: {unfit.what}; return text, numbers, lists or dicts"


def gave_of(value: object) -> str:
    """Name the type of what somebody returned."""
    return "None" if value is None else type(value).__name__


def no_sight(value: object) -> str:
    """Say that a look-up returned none of what it may."""
    may = "Found(result), Absent() or Contradictory(reason)"
    return f"it returned {gave_of(value)}; return {may}"


def path_of(place: Sequence[str | int]) -> str:
    """Write a place in JSON as people do: `$.orders[3].customer`."""
    return "$" + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)


def _refuse(unfit: Unfit) -> object:
    raise NotJson(unfit)


def _describe(unfit: Unfit) -> object:
    return {NOT_JSON: unfit.what, _KEPT: unfit.kept}


@dataclass(frozen=True, slots=True)
class _Walk:
    """One walk through a value; `meet` says what becomes of that which has no JSON form."""

    meet: Callable[[Unfit], object]
    deepest: int = _DEEPEST

    def of(self, value: object, place: Place, above: tuple[int, ...]) -> object:
        """Rebuild a value of what JSON knows; `above` are the containers that it stands in."""
        try:
            return self._of(value, place, above)
        except NotJson:
            raise
        except Exception:  # noqa: BLE001  # the value's own code may do anything
            return self._unfit(value, place)

    def _of(self, value: object, place: Place, above: tuple[int, ...]) -> object:
        if isinstance(value, Enum):
            return self.of(value.value, place, above)
        if value is None or isinstance(value, str | bool):
            return value
        if isinstance(value, int):
            is_short = value.bit_length() <= _MOST_BITS
            return value if is_short else self._unfit(value, place, "an integer of too many digits")
        if isinstance(value, float | Decimal) and not math.isfinite(value):
            return self._unfit(value, place, f"the number {value}")
        if isinstance(value, float):
            return float(value)
        if isinstance(value, bytes | bytearray | memoryview):
            return base64.b64encode(value).decode("ascii")
        return self._whole(value, place, above)

    def _whole(self, value: object, place: Place, above: tuple[int, ...]) -> object:
        if id(value) in above:
            return self._unfit(value, place, f"a {type(value).__name__} that holds itself")
        if len(above) >= self.deepest:
            return self._unfit(value, place, f"more than {self.deepest} levels")
        above = (*above, id(value))
        if isinstance(value, Mapping):
            return self._mapping(value, place, above)
        if isinstance(value, _MANY):
            return [
                item if type(item) in _AS_IS else self.of(item, (*place, i), above)
                for i, item in enumerate(value)
            ]
        if isinstance(value, BaseModel):
            return self._model(value, place, above)
        return self._other(value, place, above)

    def _other(self, value: object, place: Place, above: tuple[int, ...]) -> object:
        if is_dataclass(value) and not isinstance(value, type):
            members = {one.name: getattr(value, one.name) for one in fields(value)}
            return self._mapping(members, place, above)
        if isinstance(value, Iterator):
            return self._unfit(value, place)
        return self.of(to_jsonable_python(value), place, above)

    def _model(self, value: BaseModel, place: Place, above: tuple[int, ...]) -> object:
        members = value.model_dump()
        try:
            return _Walk(_refuse, self.deepest).of(members, place, above)
        except NotJson:
            # Some serializers are for JSON only.
            with suppress(Exception):
                return self.of(value.model_dump(mode="json"), place, above)
            return self.of(members, place, above)

    # Any: keys of a mapping are of one type, and of any.
    def _mapping(
        self, value: Mapping[Any, object], place: Place, above: tuple[int, ...]
    ) -> dict[str, object]:
        told: dict[str, object] = {}
        for key, item in value.items():
            name = _name(key)
            if name is None or name in told:
                self._odd_key(told, key, item, place, above)
            else:
                told[name] = self.of(item, (*place, name), above)
        return told

    def _odd_key(
        self,
        told: dict[str, object],
        key: object,
        item: object,
        place: Place,
        above: tuple[int, ...],
    ) -> None:
        name = _name(key)
        what = f"a key that is a {type(key).__name__}"
        if name is not None:
            what = f"two keys that are both written {name!r}"
        shown = _shown(key)
        while shown in told:
            shown += "'"
        kept = self.of(item, (*place, shown), above)
        told[shown] = self.meet(Unfit(place=place, what=what, kept=kept, is_key=True))

    def _unfit(self, value: object, place: Place, what: str = "") -> object:
        told = what or f"{type(value).__name__} object"
        return self.meet(Unfit(place=place, what=told, kept=_shown(value)))


def _name(key: object) -> str | None:
    """Write a key as text, where that is natural."""
    if isinstance(key, Enum):
        return _name(key.value)
    if isinstance(key, str):
        return key
    if key is None or isinstance(key, bool):
        return {None: "null", True: "true", False: "false"}[key]
    if isinstance(key, int) or (isinstance(key, float) and math.isfinite(key)):
        return repr(key)
    return str(to_jsonable_python(key)) if isinstance(key, _TEXT_AS_KEY) else None


def _shown(value: object) -> str:
    try:
        return hex(value) if isinstance(value, int) else repr(value)[:_MOST_TOLD]
    except Exception:  # noqa: BLE001  # a repr may do anything; what happened must be kept all the same
        return f"\N{REPLACEMENT CHARACTER} {type(value).__name__}"
