"""A clock that jumps, drifts or stands still is told from one that only runs."""

from datetime import UTC, datetime, timedelta

import pytest

from agent_workers.domain.running.clock_reference import ClockReference

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
REFERENCE = ClockReference(theirs=NOON, ours=1000.0)


@pytest.mark.parametrize(
    ("theirs_s", "ours_s", "ran_ahead"),
    [
        (10.0, 10.0, False),
        (10.3, 10.0, False),  # a slow reply
        (10.4, 10.0, True),
        (3610.0, 10.0, True),  # stepped, or we were paused
        (101.0, 100.0, False),  # one percent faster
        (102.0, 100.0, True),
        (-50.0, 10.0, False),  # stepped back: quiet times only become longer
        (0.0, 0.0, False),
    ],
)
def test_only_a_clock_that_ran_ahead_by_more_than_tolerated_is_called_so(
    theirs_s: float,
    ours_s: float,
    ran_ahead: bool,  # noqa: FBT001 (a column of the table above)
) -> None:
    now = NOON + timedelta(seconds=theirs_s)
    assert REFERENCE.ran_ahead(now, 1000.0 + ours_s) is ran_ahead


def test_how_far_it_ran_ahead_is_the_difference_of_what_passed() -> None:
    assert REFERENCE.ahead(NOON + timedelta(seconds=70), 1010.0) == timedelta(seconds=60)
