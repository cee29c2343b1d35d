"""Times and durations as people write and read them: `10m`, `2h`, `2030-01-31T12:00:00Z`."""

import argparse
import math
import re
from datetime import UTC, datetime, timedelta

_UNITS = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
_LONG = {"sec": "s", "min": "m"}
_PART = re.compile(r"(\d+(?:\.\d+)?) ?(ms|sec|s|min|m|h|d|w) ?")
_SECONDS = re.compile(r"\d+(\.\d+)?")
_ISO = re.compile(r"P(?:\d+[WD])*(?:T(?:\d+(?:\.\d+)?[HMS])+)?", re.IGNORECASE)
_LIKE = "like 90s, 10m, 2h or 1d12h, or a number of seconds"
_SHORT_S = 10


def duration(text: str) -> timedelta:
    """Read `10m`, `1h30m`, `PT10M`, or a bare number of seconds."""
    plain = text.strip()
    try:
        if _SECONDS.fullmatch(plain):
            return timedelta(seconds=float(plain))
        if len(plain) > 1 and _ISO.fullmatch(plain):
            plain = plain[1:].replace("T", "").replace("t", "")
        found = list(_PART.finditer(plain.lower()))
        if not found or "".join(one.group() for one in found) != plain.lower():
            raise argparse.ArgumentTypeError(f"{text!r} is not a duration {_LIKE}")
        return sum((_amount(*one.groups()) for one in found), timedelta())
    except OverflowError:
        raise argparse.ArgumentTypeError(f"{text!r} is too long a duration") from None


def seconds(text: str) -> float:
    return duration(text).total_seconds()


def whole_seconds(text: str) -> int:
    """Read a duration for a member of the API that takes whole seconds only."""
    given = seconds(text)
    if given != int(given):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of seconds")
    return int(given)


def positive(text: str) -> float:
    """Read a number above 0, as of days."""
    try:
        given = float(text)
    except ValueError:
        given = 0.0
    if not 0 < given < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return given


def instant(text: str) -> datetime:
    """Read a date, or a date with a time, of ISO 8601; without a zone it is UTC."""
    try:
        at = datetime.fromisoformat(text.strip())
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        like = "like 2030-01-31T12:00:00Z, 2030-01-31T12:00+01:00 or 2030-01-31"
        raise argparse.ArgumentTypeError(f"{text!r} is not a time {like}") from None


def seconds_or_instant(text: str) -> float | str:
    """Read a duration from now, or a time, as members of the API take either."""
    if _is_date(text):
        return on_the_wire(instant(text))
    try:
        return seconds(text)
    except argparse.ArgumentTypeError:
        like = "neither a duration like 10m or 2h nor a time like 2030-01-31T12:00:00Z"
        raise argparse.ArgumentTypeError(f"{text!r} is {like}") from None


def instant_on_the_wire(text: str) -> str:
    return on_the_wire(instant(text))


def on_the_wire(at: datetime) -> str:
    """Write an instant as the API takes and gives it."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def parsed(at: str | None) -> datetime | None:
    """Read an instant that the API gave."""
    return None if at is None else datetime.fromisoformat(at).astimezone(UTC)


def clock(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def in_words(length: timedelta) -> str:
    """Write a duration in its largest one or two units: `25 ms`, `4.2 s`, `3 min 5 s`, `2 d 4 h`."""
    total = max(0.0, length.total_seconds())
    if total < 1:
        return f"{total * 1000:.0f} ms"
    if total < _SHORT_S:
        return f"{total:.1f} s"
    left, parts = round(total), []
    for name, size in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {name}")
    return " ".join(parts[:2])


def _is_date(text: str) -> bool:
    return re.match(r"\d{4}-", text.strip()) is not None


def _amount(number: str, unit: str) -> timedelta:
    return float(number) * _UNITS[_LONG.get(unit, unit)]
