"""What becomes of ticks that nobody fired in time."""

from datetime import UTC, datetime, timedelta

import pytest

from agent_workers.domain.schedules.schedule import (
    CatchUp,
    IntervalRule,
    OnceRule,
    Timing,
    cron_timing,
)
from agent_workers.domain.schedules.ticks import MOST_AT_ONCE, DueTicks, SkippedTicks, due_ticks

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
NOON = datetime(2026, 5, 5, 12, tzinfo=UTC)
HOURLY = cron_timing("0 * * * *", "UTC")


def decide(
    catch_up: CatchUp,
    *,
    late: timedelta,
    since: datetime = NOON - DAY,
    window: timedelta = DAY,
    timing: Timing = HOURLY,
) -> DueTicks:
    return due_ticks(timing, since, NOON + late, catch_up=catch_up, window=window)


@pytest.mark.parametrize("catch_up", list(CatchUp))
def test_a_tick_on_time_fires_whatever_the_policy(catch_up: CatchUp) -> None:
    found = decide(catch_up, since=NOON, late=timedelta(seconds=59))
    assert found == DueTicks(fires=(NOON,), skipped=None, following=NOON + HOUR)


@pytest.mark.parametrize("catch_up", list(CatchUp))
def test_all_ticks_of_the_last_minute_are_on_time(catch_up: CatchUp) -> None:
    often = Timing(rule=IntervalRule(every=timedelta(seconds=20), anchor=NOON - DAY))
    found = decide(catch_up, since=NOON - DAY, late=timedelta(0), timing=often)
    if catch_up is CatchUp.ALL:
        assert len(found.fires) == MOST_AT_ONCE
    else:
        assert found.fires == tuple(NOON - n * timedelta(seconds=20) for n in (2, 1, 0))


def test_none_skips_what_was_missed() -> None:
    found = decide(CatchUp.NONE, late=5 * timedelta(minutes=1))
    skipped = SkippedTicks(first=NOON - DAY, last=NOON, reason="missed")
    assert found == DueTicks(fires=(), skipped=skipped, following=NOON + HOUR)


def test_none_still_fires_the_one_that_is_on_time() -> None:
    found = decide(CatchUp.NONE, late=timedelta(seconds=1))
    skipped = SkippedTicks(first=NOON - DAY, last=NOON - HOUR, reason="missed")
    assert found == DueTicks(fires=(NOON,), skipped=skipped, following=NOON + HOUR)


@pytest.mark.parametrize("late", [timedelta(seconds=1), timedelta(minutes=50)])
def test_last_fires_the_newest_alone(late: timedelta) -> None:
    found = decide(CatchUp.LAST, late=late)
    skipped = SkippedTicks(first=NOON - DAY, last=NOON - HOUR, reason="missed")
    assert found == DueTicks(fires=(NOON,), skipped=skipped, following=NOON + HOUR)


def test_last_fires_nothing_when_even_the_newest_is_too_old() -> None:
    found = decide(CatchUp.LAST, late=timedelta(minutes=50), window=timedelta(minutes=30))
    skipped = SkippedTicks(first=NOON - DAY, last=NOON, reason="missed")
    assert found == DueTicks(fires=(), skipped=skipped, following=NOON + HOUR)


def test_all_fires_each_one_in_the_window_and_skips_older_ones() -> None:
    found = decide(CatchUp.ALL, late=timedelta(0), window=6 * HOUR)
    assert found.fires == tuple(NOON - n * HOUR for n in range(6, -1, -1))
    assert found.skipped == SkippedTicks(
        first=NOON - DAY, last=NOON - 7 * HOUR, reason="outside_window"
    )


def test_many_ticks_come_in_portions_and_none_is_lost_between() -> None:
    timing = Timing(rule=IntervalRule(every=timedelta(minutes=5), anchor=NOON - DAY))
    fired: list[datetime] = []
    due_at: datetime | None = NOON - DAY
    while due_at is not None and due_at <= NOON:
        found = due_ticks(timing, due_at, NOON, catch_up=CatchUp.ALL, window=2 * DAY)
        assert 0 < len(found.fires) <= MOST_AT_ONCE
        fired += found.fires
        due_at = found.following
    assert fired == [NOON - DAY + n * timedelta(minutes=5) for n in range(289)]


def test_a_schedule_that_was_to_fire_once_is_over_after_it() -> None:
    once = Timing(rule=OnceRule(at=NOON))
    assert decide(CatchUp.ALL, since=NOON, late=HOUR, timing=once).following is None
    assert decide(CatchUp.NONE, since=NOON, late=HOUR, timing=once).fires == ()
