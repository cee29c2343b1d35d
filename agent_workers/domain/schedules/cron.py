"""Cron expressions of five fields: how they are read, and at which instants of a day they fire.

What local clocks do twice a year:

- An hour field that begins with `*` follows real time: in the hour that comes twice it fires in
  both, and in the hour that is left out it does not fire.
- Any other hour field names times of the day: one that comes twice fires the first time, and one
  that is left out fires at the instant at which the clock was put forward.
"""

import re
from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from agent_workers.domain.errors import AgentWorkersError

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)
# The 29th of February is up to eight years away.
_HORIZON = timedelta(days=12 * 366)
_LAST_DAY = date(9990, 1, 1)
_PART = re.compile(r"(?:\*|([0-9a-z]{1,3})(?:-([0-9a-z]{1,3}))?)(?:/([0-9]{1,3}))?")
_MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
_WEEKDAYS = "sun mon tue wed thu fri sat".split()


class BadSchedule(AgentWorkersError):
    """A schedule that can never fire, or that makes no sense; `field` says where."""

    code = "invalid_request"

    def __init__(self, message: str, *, field: str = "expression") -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True, kw_only=True)
class Cron:
    """A parsed expression; Sunday is 0."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    # Whether the field begins with `*`.
    any_hour: bool
    any_day: bool
    any_weekday: bool

    def includes(self, day: date) -> bool:
        """Where both kinds of day are restricted one of them is enough; else both must fit."""
        if day.month not in self.months:
            return False
        by_date, by_weekday = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        if self.any_day or self.any_weekday:
            return by_date and by_weekday
        return by_date or by_weekday


def parse_cron(expression: str) -> Cron:
    """Read `minute hour day-of-month month day-of-week`."""
    fields = expression.lower().split()
    if len(fields) != 5:  # noqa: PLR2004 (the message says it)
        raise BadSchedule(f"{expression!r} must have 5 fields, not {len(fields)}")
    minute, hour, day, month, weekday = fields
    cron = Cron(
        minutes=tuple(sorted(_numbers(minute, 0, 59))),
        hours=tuple(sorted(_numbers(hour, 0, 23))),
        days=_numbers(day, 1, 31),
        months=_numbers(month, 1, 12, names=_MONTHS, first=1),
        weekdays=frozenset(n % 7 for n in _numbers(weekday, 0, 7, names=_WEEKDAYS)),
        any_hour=hour.startswith("*"),
        any_day=day.startswith("*"),
        any_weekday=weekday.startswith("*"),
    )
    if next_of_cron(cron, ZoneInfo("UTC"), datetime(2000, 1, 1, tzinfo=UTC)) is None:
        raise BadSchedule(f"{expression!r} names a day that no year has")
    return cron


def zone_named(name: str) -> ZoneInfo:
    """Return the zone of this IANA name."""
    try:
        return ZoneInfo(name)
    except (KeyError, OSError, ValueError):
        raise BadSchedule(f"there is no time zone {name!r}", field="timezone") from None


def next_of_cron(cron: Cron, zone: ZoneInfo, after: datetime) -> datetime | None:
    """Return the first instant behind `after`, or None when there is none for many years."""
    day = after.astimezone(zone).date() - _DAY
    last = min(day + _HORIZON, _LAST_DAY)
    while day <= last:
        # Two days: a clock put back over midnight lets the next day begin before this one ends.
        found = [at for one in (day, day + _DAY) for at in _first(fires_on(cron, zone, one), after)]
        if found:
            return min(found)
        day += _DAY
    return None


def last_of_cron(
    cron: Cron, zone: ZoneInfo, until: datetime, *, since: datetime
) -> datetime | None:
    """Return the last instant in `since` to `until`, both included."""
    day, first = until.astimezone(zone).date() + _DAY, since.astimezone(zone).date() - _DAY
    while day >= first:
        found = [at for one in (day, day - _DAY) for at in _last(fires_on(cron, zone, one), until)]
        if found:
            return max(found) if max(found) >= since else None
        day -= _DAY
    return None


def fires_on(cron: Cron, zone: ZoneInfo, day: date) -> tuple[datetime, ...]:
    """Return the instants that stand for the times of this local day, in order."""
    return _fires_on(cron, zone, day) if cron.includes(day) else ()


@lru_cache(maxsize=512)
def _fires_on(cron: Cron, zone: ZoneInfo, day: date) -> tuple[datetime, ...]:
    midnight = datetime.combine(day, time())
    times = [midnight + timedelta(hours=h, minutes=m) for h in cron.hours for m in cron.minutes]
    offset = _steady_offset(zone, midnight)
    if offset is not None:
        return tuple((one - offset).replace(tzinfo=UTC) for one in times)
    return tuple(sorted({at for one in times for at in _instants(one, zone, twice=cron.any_hour)}))


def _steady_offset(zone: ZoneInfo, midnight: datetime) -> timedelta | None:
    """Return the offset of a day on which nobody moves the clock."""
    hours = [midnight + timedelta(hours=n) for n in range(25)]
    offsets = {zone.utcoffset(one.replace(fold=fold)) for one in hours for fold in (0, 1)}
    return offsets.pop() if len(offsets) == 1 else None


def _instants(local: datetime, zone: ZoneInfo, *, twice: bool) -> tuple[datetime, ...]:
    first, second = (local.replace(tzinfo=zone, fold=n).astimezone(UTC) for n in (0, 1))
    if first == second:
        return (first,)
    if first < second:
        return (first, second) if twice else (first,)
    # In a gap the two offsets are crossed: the clock was put forward between them.
    return () if twice else (_moved_between(zone, second, first),)


def _moved_between(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """Return the instant, to the second, from which the later offset holds."""
    later = after.astimezone(zone).utcoffset()
    while after - before > _SECOND:
        middle = before + (after - before) // 2
        if middle.astimezone(zone).utcoffset() == later:
            after = middle
        else:
            before = middle
    return after.replace(microsecond=0)


def _first(fires: tuple[datetime, ...], after: datetime) -> tuple[datetime, ...]:
    place = bisect_right(fires, after)
    return fires[place : place + 1]


def _last(fires: tuple[datetime, ...], until: datetime) -> tuple[datetime, ...]:
    place = bisect_right(fires, until)
    return fires[max(place - 1, 0) : place]


def _numbers(
    field: str, least: int, most: int, *, names: list[str] | None = None, first: int = 0
) -> frozenset[int]:
    """Return the numbers that a field stands for."""
    known = {name: number for number, name in enumerate(names or [], start=first)}
    return frozenset(n for part in field.split(",") for n in _range(part, least, most, known))


def _range(part: str, least: int, most: int, known: dict[str, int]) -> range:
    found = _PART.fullmatch(part)
    if found is None:
        raise BadSchedule(f"{part!r} is not a number, range, list or step of a cron field")
    begin, end, step = found.groups()
    if begin is None:
        numbers = range(least, most + 1)
    else:
        low = _number(begin, part, known)
        high = low if end is None else _number(end, part, known)
        if not least <= low <= high <= most:
            raise BadSchedule(
                f"{part!r} must be within {least} to {most}, the smaller number first"
            )
        if step and end is None:
            raise BadSchedule(f"{part!r}: only * and ranges take a step")
        numbers = range(low, high + 1)
    if step and int(step) == 0:
        raise BadSchedule(f"{part!r}: a step is at least 1")
    return numbers[:: int(step or 1)]


def _number(word: str, part: str, known: dict[str, int]) -> int:
    if word in known:
        return known[word]
    if not word.isdecimal():
        raise BadSchedule(f"{word!r} in {part!r} is not a number")
    return int(word)
