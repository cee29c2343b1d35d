"""The functions of the language; each may be called as `f(x)` or as `x.f()`."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, cast

from agent_workers.expressions.budget import BYTES_PER_STEP
from agent_workers.expressions.errors import NoValue
from agent_workers.expressions.operators import in_range, is_number, type_of

_LONGEST_TIME: Final = 40
_LONGEST_NUMBER: Final = 40
_UNITS: Final = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
_DURATION: Final = re.compile(r"([+-]?)((?:\d{1,18}(?:\.\d{1,9})?(?:h|ms|m|s|us|ns)){1,6})")
_SPAN: Final = re.compile(r"(\d+(?:\.\d+)?)(h|ms|m|s|us|ns)")
# Where CPython's search becomes linear (`fastsearch.h`), and how much of it takes the time of a step.
_LONG_TEXT: Final = 30_000
_MIDDLE_TEXT: Final = 2_500
_LONG_PART: Final = 100
_COMPARED_PER_STEP: Final = 512


@dataclass(frozen=True, slots=True)
class Function:
    """A function, how many values it takes, and what a call costs beside reading its texts."""

    takes: int
    call: Callable[..., object]
    steps: int = 4
    more_steps: Callable[..., int] | None = None

    def price(self, given: Sequence[object]) -> int:
        """Say how many steps a call costs with these values."""
        texts = [one for one in given if isinstance(one, str)]
        read = sum(1 + 4 * len(text) // BYTES_PER_STEP for text in texts)
        return self.steps + read + (self.more_steps(*given) if self.more_steps else 0)


def _size(value: object) -> object:
    if not isinstance(value, str | list | dict):
        raise _not_for("size", value)
    return len(value)


def _type(value: object) -> object:
    return type_of(value)


def _int(value: object) -> object:
    if isinstance(value, datetime):
        return int(value.timestamp())
    return _number("int", int, value)


def _double(value: object) -> object:
    return _number("double", float, value)


def _number(name: str, made: Callable[[str | float], int | float], value: object) -> object:
    if not (isinstance(value, str) or is_number(value)):
        raise _not_for(name, value)
    if isinstance(value, str) and (
        len(value) > _LONGEST_NUMBER or "_" in value or value != value.strip()
    ):
        raise NoValue(f"{_shown(value)} cannot be read as {name}")
    try:
        number = made(cast("str | float", value))
        return in_range(number) if isinstance(number, int) else number
    except (ValueError, OverflowError):
        raise NoValue(f"{_shown(value)} cannot be read as {name}") from None


def _bool(value: object) -> object:
    if isinstance(value, bool):
        return value
    if value in ("true", "false"):
        return value == "true"
    raise _not_for("bool", value)


def _string(value: object) -> object:
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case float():
            return repr(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)  # noqa: PLR2004
        case int() if abs(value) < 1 << 64:
            return str(value)
        case datetime():
            return value.isoformat().replace("+00:00", "Z")
        case timedelta():
            return f"{value.total_seconds():.9f}".rstrip("0").rstrip(".") + "s"
        case _:
            raise _not_for("string", value)


def _timestamp(value: object) -> object:
    if isinstance(value, datetime):
        return value
    if not (isinstance(value, str) or type(value) is int):
        raise _not_for("timestamp", value)
    try:
        if isinstance(value, int):
            return datetime.fromtimestamp(value, UTC)
        moment = datetime.fromisoformat(value[:_LONGEST_TIME].upper())
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        raise NoValue(f"{_shown(value)} is not a time such as 2026-01-31T12:00:00Z") from None
    raise NoValue(f"{_shown(value)} does not say in which time zone it is")


def _duration(value: object) -> object:
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, str):
        raise _not_for("duration", value)
    found = _DURATION.fullmatch(value)
    if found is None:
        raise NoValue(f"{_shown(value)} is not a duration such as 1h30m or 250ms")
    seconds = sum(float(number) * _UNITS[unit] for number, unit in _SPAN.findall(found[2]))
    try:
        return timedelta(seconds=-seconds if found[1] == "-" else seconds)
    except OverflowError:
        raise NoValue("a duration is out of range") from None


def _to_search(text: object, part: object) -> int:
    """Python compares a part with each place of a text that is short, or for a part that is; of others it is linear."""
    if not (isinstance(text, str) and isinstance(part, str)) or len(text) >= _LONG_TEXT:
        return 0
    is_linear = len(text) >= _MIDDLE_TEXT and len(part) >= _LONG_PART
    return 0 if is_linear else len(text) * len(part) // _COMPARED_PER_STEP


def _of_texts(
    name: str, told: Callable[[str, str], bool], more_steps: Callable[..., int] | None = None
) -> Function:
    def call(text: object, part: object) -> object:
        if not (isinstance(text, str) and isinstance(part, str)):
            raise _not_for(name, text, part)
        return told(text, part)

    return Function(2, call, more_steps=more_steps)


def _part(name: str, of_time: Callable[[datetime], int], of_span: float = 0) -> Function:
    """A part of an instant in UTC, or all of a duration in a unit of so many seconds."""

    def call(value: object) -> object:
        if isinstance(value, datetime):
            return of_time(value)
        if isinstance(value, timedelta) and of_span:
            return int(value.total_seconds() / of_span)
        raise _not_for(name, value)

    return Function(1, call)


def _shown(value: object) -> str:
    """Quote the beginning of a text; of anything else its type, since it may be very large."""
    return repr(value[:40]) if isinstance(value, str) else f"a value of type {type_of(value)}"


def _not_for(name: str, *values: object) -> NoValue:
    return NoValue(f"{name}({', '.join(map(type_of, values))}) is not defined")


FUNCTIONS: Final = {
    "size": Function(1, _size),
    "type": Function(1, _type),
    "dyn": Function(1, lambda value: value),
    "int": Function(1, _int, 10),
    "double": Function(1, _double, 10),
    "bool": Function(1, _bool),
    "string": Function(1, _string, 10),
    "timestamp": Function(1, _timestamp, 16),
    "duration": Function(1, _duration, 30),
    "contains": _of_texts("contains", lambda text, part: part in text, _to_search),
    "startsWith": _of_texts("startsWith", str.startswith),
    "endsWith": _of_texts("endsWith", str.endswith),
    "getFullYear": _part("getFullYear", lambda at: at.year),
    "getMonth": _part("getMonth", lambda at: at.month - 1),
    "getDate": _part("getDate", lambda at: at.day),
    "getDayOfMonth": _part("getDayOfMonth", lambda at: at.day - 1),
    "getDayOfWeek": _part("getDayOfWeek", lambda at: at.isoweekday() % 7),
    "getDayOfYear": _part("getDayOfYear", lambda at: at.timetuple().tm_yday - 1),
    "getHours": _part("getHours", lambda at: at.hour, 3600),
    "getMinutes": _part("getMinutes", lambda at: at.minute, 60),
    "getSeconds": _part("getSeconds", lambda at: at.second, 1),
    "getMilliseconds": _part("getMilliseconds", lambda at: at.microsecond // 1000, 1e-3),
}
