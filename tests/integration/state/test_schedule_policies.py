"""What becomes of ticks that were missed, or that come while the run before goes on."""

from datetime import timedelta

import pytest

from agent_workers.domain.schedules.schedule import (
    CatchUp,
    Overlap,
)
from agent_workers.domain.schedules.target import JobTarget
from tests.integration.state.schedule_world import HOUR, START, Clockwork

NOON = START + 12 * HOUR
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("catch_up", "expected"),
    [(CatchUp.NONE, []), (CatchUp.LAST, [12]), (CatchUp.ALL, [6, 7, 8, 9, 10, 11, 12])],
)
def test_what_was_missed_is_caught_up_as_the_policy_says(
    clock: Clockwork, catch_up: CatchUp, expected: list[int]
) -> None:
    schedule = clock.make(catch_up=catch_up, catch_up_window_s=7 * 3600, overlap=Overlap.ALLOW)
    clock.fire(NOON + HOUR / 2)
    assert clock.hours(schedule) == expected
    reason = "outside_window" if catch_up is CatchUp.ALL else "missed"
    assert clock.runs(schedule)[0] == (0, "skipped", reason)
    assert clock.fire(NOON + HOUR) == 1


def test_skip_leaves_out_what_comes_while_the_last_job_runs(clock: Clockwork) -> None:
    schedule = clock.make(overlap=Overlap.SKIP)
    clock.fire(START)
    clock.fire(START + HOUR)
    clock.end(clock.jobs(schedule)[0][0])
    clock.fire(START + 2 * HOUR)
    assert clock.runs(schedule) == [
        (0, "ended", None),
        (1, "skipped", "overlap"),
        (2, "started", None),
    ]
    assert clock.hours(schedule) == [0, 2]


def test_queue_starts_one_after_the_other_in_order(clock: Clockwork) -> None:
    schedule = clock.make(overlap=Overlap.QUEUE)
    for hour in range(3):
        clock.fire(START + hour * HOUR)
    for hour in range(3):
        assert clock.hours(schedule) == list(range(hour + 1))
        clock.end(clock.jobs(schedule)[-1][0])
        clock.fire(START + 2 * HOUR)
    assert {state for _, state, _ in clock.runs(schedule)} <= {"ended", "started"}


def test_queue_lets_nobody_pass_a_run_that_waits(clock: Clockwork) -> None:
    schedule = clock.make(overlap=Overlap.QUEUE)
    clock.fire(START)
    clock.fire(START + HOUR)
    clock.end(clock.jobs(schedule)[0][0])
    clock.fire(START + 2 * HOUR)
    assert clock.hours(schedule) == [0, 1]
    assert clock.runs(schedule)[2] == (2, "waiting", None)


def test_cancel_running_ends_the_job_before(clock: Clockwork) -> None:
    schedule = clock.make(overlap=Overlap.CANCEL_RUNNING)
    clock.fire(START)
    clock.fire(START + HOUR)
    assert [status for _, status, _ in clock.jobs(schedule)] == ["canceled", "queued"]


def test_cancel_running_waits_for_a_job_that_may_still_act(clock: Clockwork) -> None:
    schedule = clock.make(overlap=Overlap.CANCEL_RUNNING)
    clock.fire(START)
    claimed = clock.world.claim(clock.jobs(schedule)[0][0])
    clock.fire(START + HOUR)
    clock.fire(START + 2 * HOUR)
    assert [status for _, status, _ in clock.jobs(schedule)] == ["canceling"]
    clock.world.records.stand_down(claimed)
    clock.fire(START + 2 * HOUR)
    assert clock.hours(schedule) == [0, 2]
    assert clock.runs(schedule)[1] == (1, "skipped", "superseded")


@pytest.mark.parametrize(
    "held",
    [
        "select 1 from budgets where tenant_id = %s for update",
        "select 1 from jobs where tenant_id = %s for update",
        "select lock_session(%s, 'talk')",
    ],
    ids=["budget", "job", "session"],
)
def test_cancel_running_leaves_a_job_that_cannot_end_just_now_to_the_sweep(
    clock: Clockwork, held: str
) -> None:
    world = clock.world
    world.one("insert into budgets values (%s, 'all', 1000)", world.tenant)
    target = JobTarget(agent="demo", input=b"{}", session_id="talk", max_cost_micro=10)
    schedule = clock.make(overlap=Overlap.CANCEL_RUNNING, target=target)
    clock.fire(START)
    with world.database.transaction() as other:
        other.execute(held.encode(), (world.tenant,))
        clock.fire(START + HOUR)
        assert clock.runs(schedule) == [(0, "started", None), (1, "waiting", None)]
    world.sweeps.deadlines()
    clock.fire(START + HOUR)
    assert [status for _, status, _ in clock.jobs(schedule)] == ["canceled", "queued"]


def test_allow_lets_them_run_side_by_side(clock: Clockwork) -> None:
    schedule = clock.make(overlap=Overlap.ALLOW)
    clock.fire(START)
    clock.fire(START + HOUR)
    assert [status for _, status, _ in clock.jobs(schedule)] == ["queued", "queued"]


def test_jitter_delays_the_job_and_not_the_tick(clock: Clockwork) -> None:
    schedule = clock.make(jitter_s=600)
    clock.fire(START)
    [(job, _, hour)] = clock.jobs(schedule)
    delay = clock.world.step(job, 0, "due_at") - START
    assert hour == 0
    assert timedelta(0) < delay < timedelta(seconds=600)
