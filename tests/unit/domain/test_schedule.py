"""When schedules fire: cron in the zones of the world, against a walk through every minute."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_workers.domain.schedules.cron import BadSchedule, parse_cron
from agent_workers.domain.schedules.schedule import (
    CronRule,
    IntervalRule,
    OnceRule,
    Timing,
    cron_timing,
    last_fire,
    next_fire,
)

MINUTE = timedelta(minutes=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def fires(expression: str, zone: str, after: str, count: int) -> list[str]:
    timing, found, instant = cron_timing(expression, zone), list[str](), at(after)
    for _ in range(count):
        following = next_fire(timing, instant)
        assert following is not None
        instant = following
        found.append(instant.strftime("%m-%dT%H:%MZ"))
    return found


@pytest.mark.parametrize(
    ("expression", "zone", "after", "expected"),
    [
        # The gap: clocks in Berlin go from 02:00 to 03:00 at 01:00 UTC on the 29th of March 2026.
        ("30 2 * * *", "Europe/Berlin", "2026-03-28T00:00Z", ["03-28T01:30Z", "03-29T01:00Z"]),
        ("0 2,3 * * *", "Europe/Berlin", "2026-03-28T03:00Z", ["03-29T01:00Z", "03-30T00:00Z"]),
        ("30 * * * *", "Europe/Berlin", "2026-03-29T00:00Z", ["03-29T00:30Z", "03-29T01:30Z"]),
        ("0 */2 * * *", "Europe/Berlin", "2026-03-28T23:30Z", ["03-29T02:00Z", "03-29T04:00Z"]),
        # The overlap: from 03:00 back to 02:00 at 01:00 UTC on the 25th of October 2026.
        ("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00Z", ["10-25T00:30Z", "10-26T01:30Z"]),
        ("30 * * * *", "Europe/Berlin", "2026-10-25T00:00Z", ["10-25T00:30Z", "10-25T01:30Z"]),
        ("*/30 1 * * *", "America/New_York", "2026-11-01T04:59Z", ["11-01T05:00Z", "11-01T05:30Z"]),
        ("30 1 * * *", "America/New_York", "2026-11-01T05:30Z", ["11-02T06:30Z"]),
        # Half an hour on Lord Howe Island, and midnights that do not exist in Santiago.
        ("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T12:00Z", ["10-03T15:30Z"]),
        ("0 0 * * *", "America/Santiago", "2026-09-05T12:00Z", ["09-06T04:00Z", "09-07T03:00Z"]),
        # A whole day that Samoa left out.
        ("0 9 30 12 *", "Pacific/Apia", "2011-12-29T00:00Z", ["12-30T10:00Z", "12-29T19:00Z"]),
    ],
)
def test_clocks_that_are_moved(expression: str, zone: str, after: str, expected: list[str]) -> None:
    assert fires(expression, zone, after, len(expected)) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("0 0 13 * 5", ["01-02T00:00Z", "01-09T00:00Z", "01-13T00:00Z"]),  # the 13th or a Friday
        ("0 0 */2 * 5", ["01-09T00:00Z", "01-23T00:00Z", "02-13T00:00Z"]),  # `*` restricts both
        ("0 0 13 * *", ["01-13T00:00Z", "02-13T00:00Z"]),
        ("0 0 * * 7", ["01-04T00:00Z", "01-11T00:00Z"]),
        ("0 0 * JAN mon-wed", ["01-05T00:00Z", "01-06T00:00Z", "01-07T00:00Z", "01-12T00:00Z"]),
        ("5-15/5,40 4 1 2 *", ["02-01T04:05Z", "02-01T04:10Z", "02-01T04:15Z", "02-01T04:40Z"]),
    ],
)
def test_fields_as_cron_reads_them(expression: str, expected: list[str]) -> None:
    assert fires(expression, "UTC", "2026-01-01T00:00Z", len(expected)) == expected


@pytest.mark.parametrize(
    "expression",
    [
        *("", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *"),
        *("* * * * 8", "5-1 * * * *", "*/0 * * * *", "5/2 * * * *", "a * * * *", "0 0 30 2 *"),
        *("1,,2 * * * *", "-1 * * * *", "1.5 * * * *", "\u0663 * * * *", "* * * * fri-mon"),
    ],
)
def test_an_expression_that_makes_no_sense_is_refused(expression: str) -> None:
    with pytest.raises(BadSchedule):
        parse_cron(expression)


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../etc/passwd", "a" * 300, "\0"])
def test_a_zone_that_does_not_exist_is_refused(zone: str) -> None:
    with pytest.raises(BadSchedule):
        cron_timing("0 0 * * *", zone)


def test_an_interval_counts_from_its_anchor_in_real_time() -> None:
    rule = IntervalRule(every=timedelta(hours=7), anchor=at("2026-03-28T00:00Z"))
    assert next_fire(Timing(rule=rule), at("2026-03-27T12:00Z")) == rule.anchor
    assert next_fire(Timing(rule=rule), rule.anchor) == at("2026-03-28T07:00Z")
    until = at("2026-03-29T00:00Z")
    assert last_fire(Timing(rule=rule), until, since=rule.anchor) == at("2026-03-28T21:00Z")


def test_once_is_once() -> None:
    timing = Timing(rule=OnceRule(at=at("2026-03-28T00:00Z")))
    assert next_fire(timing, at("2026-03-27T00:00Z")) == at("2026-03-28T00:00Z")
    assert next_fire(timing, at("2026-03-28T00:00Z")) is None


def test_both_bounds_may_be_hit() -> None:
    bounds = {"start_at": at("2026-01-01T10:00Z"), "end_at": at("2026-01-01T11:00Z")}
    timing = cron_timing("0 * * * *", "UTC", **bounds)
    assert next_fire(timing, at("2025-01-01T00:00Z")) == bounds["start_at"]
    assert next_fire(timing, bounds["start_at"]) == bounds["end_at"]
    assert next_fire(timing, bounds["end_at"]) is None
    assert (
        last_fire(timing, at("2027-01-01T00:00Z"), since=at("2025-01-01T00:00Z"))
        == (bounds["end_at"])
    )


# ---------------------------------------------------------------- against every minute in turn

CHANGES = [  # somewhere within two days before a clock is moved, or where nobody moves any
    ("Europe/Berlin", "2026-03-28T00:00Z"),
    ("Europe/Berlin", "2026-10-24T00:00Z"),
    ("America/New_York", "2026-03-07T08:00Z"),
    ("America/New_York", "2026-10-31T06:00Z"),
    ("Australia/Lord_Howe", "2026-04-04T00:00Z"),
    ("Australia/Lord_Howe", "2026-10-03T00:00Z"),
    ("America/Havana", "2026-10-31T12:00Z"),
    ("America/Santiago", "2026-04-04T12:00Z"),
    ("Africa/Casablanca", "2026-02-14T12:00Z"),
    ("Asia/Kathmandu", "2026-05-05T00:00Z"),
]


def numbers(least: int, most: int) -> st.SearchStrategy[str]:
    one = st.integers(least, most)
    listed = st.lists(one, min_size=1, max_size=3).map(lambda found: ",".join(map(str, found)))
    stepped = st.integers(1, 7).map(lambda step: f"*/{step}")
    ranged = st.tuples(one, one).map(lambda pair: "{}-{}".format(*sorted(pair)))
    return st.one_of(st.just("*"), listed, stepped, ranged)


EXPRESSIONS = st.tuples(
    numbers(0, 59), numbers(0, 23), st.just("*") | numbers(1, 31), st.just("*"), numbers(0, 7)
).map(" ".join)


def walked(expression: str, zone: ZoneInfo, after: datetime, limit: datetime) -> datetime | None:
    """Look at each minute of real time in turn, as slowly and plainly as can be."""
    cron = parse_cron(expression)

    def names(wall: datetime) -> bool:
        return (
            wall.hour in cron.hours and wall.minute in cron.minutes and cron.includes(wall.date())
        )

    instant = after.replace(second=0, microsecond=0) + MINUTE
    while instant <= limit:
        wall, before = instant.astimezone(zone), (instant - MINUTE).astimezone(zone)
        if names(wall) and (cron.any_hour or not wall.fold):
            return instant
        left_out = before.replace(tzinfo=None, fold=0) + MINUTE
        while not cron.any_hour and left_out < wall.replace(tzinfo=None, fold=0):
            if names(left_out):
                return instant
            left_out += MINUTE
        instant += MINUTE
    return None


@settings(max_examples=300, deadline=None)
@given(EXPRESSIONS, st.sampled_from(CHANGES), st.integers(0, 2 * 24 * 60))
def test_the_next_fire_is_the_one_that_a_walk_finds(
    expression: str, change: tuple[str, str], minutes: int
) -> None:
    name, near = change
    after = at(near) + minutes * MINUTE
    limit = after + timedelta(days=1, hours=6)
    timing = cron_timing(expression, name)
    found, expected = next_fire(timing, after), walked(expression, ZoneInfo(name), after, limit)
    assert (found if found and found <= limit else None) == expected


@settings(max_examples=200, deadline=None)
@given(EXPRESSIONS, st.sampled_from(CHANGES), st.integers(0, 3 * 24 * 60), st.integers(0, 3_000))
def test_the_last_fire_is_the_last_of_the_next_ones(
    expression: str, change: tuple[str, str], minutes: int, span: int
) -> None:
    since = at(change[1]) + minutes * MINUTE
    until = since + span * MINUTE
    timing = cron_timing(expression, change[0])
    assert isinstance(timing.rule, CronRule)
    last, following = None, next_fire(timing, since - timedelta(microseconds=1))
    while following is not None and following <= until:
        last, following = following, next_fire(timing, following)
    assert last_fire(timing, until, since=since) == last
