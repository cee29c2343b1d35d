"""What is true of rounds that are evaluated again, and of counters that have come to their end."""

from dataclasses import replace

from agent_workers.domain.decision import Continue, Join
from agent_workers.domain.step import Judged, ToolCall, Verdict
from agent_workers.state.proving.invariants import broken
from tests.integration.state.world import AGAIN, EVALUATE, RAN, World, use

MOST = 32_767
CALL = ToolCall(tool="pay", arguments=b"{}", call_id="a")
RETRY = Judged(verdict=Verdict.RETRY, calls=(CALL,))
REPLAN = Judged(verdict=Verdict.REPLAN)


def evaluated_twice(world: World, verdict: Judged) -> list[str]:
    """Let a round be evaluated again after this verdict; return what is not true then."""
    job = world.submit()
    world.plan(job, use())
    world.record(world.claim(job, 1), Join(outcome=RAN, step=EVALUATE))
    world.record(world.claim(job, 2), Continue(outcome=verdict, steps=(use(),)))
    world.record(world.claim(job, 3), Join(outcome=RAN, step=EVALUATE))
    found = [said for said in broken(world.database) if "evaluated" in said and job.hex in said]
    world.one("update steps set round = 1 where job_id = %s and position = 4", job)
    world.cancel(job)
    return found


def test_a_round_is_evaluated_again_after_a_verdict_to_retry(world: World) -> None:
    assert evaluated_twice(world, RETRY) == []


def test_a_round_that_is_evaluated_again_for_no_reason_is_found(world: World) -> None:
    assert len(evaluated_twice(world, REPLAN)) == 1


def test_a_step_that_was_rung_for_for_months_is_rung_for_again(world: World) -> None:
    world.end_all()
    job = world.submit()
    world.one(
        "update steps set rings = %s, ring_at = clock_timestamp() - interval '1 day'"
        " where job_id = %s",
        *(MOST, job),
    )
    assert [due.job_id for due in world.sweeps.overdue([])] == [job]
    assert world.one("select rings from steps where job_id = %s", job) == MOST
    world.cancel(job)


def test_a_step_that_was_tried_that_often_is_tried_again(world: World) -> None:
    job = world.submit()
    world.one("update steps set tries = %s where job_id = %s", MOST, job)
    world.record(world.claim(job), replace(AGAIN, counts=True))
    assert world.one("select tries from steps where job_id = %s", job) == MOST
    world.cancel(job)


def test_a_step_that_died_that_often_is_freed_again(world: World) -> None:
    job = world.submit()
    world.one("update steps set deaths = %s where job_id = %s", MOST, job)
    world.expire(world.claim(job))
    world.sweeps.expired()
    assert world.one("select deaths from steps where job_id = %s", job) == MOST
    world.cancel(job)
