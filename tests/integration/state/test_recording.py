"""Recording: behind the fence, once, and the last sibling readies the join, whoever that is."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from agent_workers.domain.claim import HALT, Claimed, NothingDue, Onward, Recorded, RecordResult
from agent_workers.domain.decision import Continue, Fail, TryAgain
from agent_workers.domain.effect import EffectClass
from agent_workers.domain.step import Broke, GaveUp, Lane, Planned, ToolRan
from agent_workers.domain.tools.tool import Statement
from tests.integration.state.invariants import broken
from tests.integration.state.world import AGAIN, EVALUATE, FINISH, JOIN, PLANNED, RAN, World, use

FAIL = Fail(outcome=GaveUp(code="no", message="no way"), code="no", message="no way")


def test_a_job_goes_from_plan_over_tools_to_its_end(world: World) -> None:
    job = world.submit()
    planned = world.plan(job, use(), use())
    assert (planned.first_position, planned.open_steps, planned.carried) == (1, 2, 0)
    assert world.record(world.claim(job, 1), JOIN).first_position is None
    assert world.record(world.claim(job, 2), JOIN).first_position == 3
    ended = world.record(world.claim(job, 3), FINISH)
    assert (ended.status, world.status(job)) == ("succeeded", "succeeded")
    assert bytes(world.job(job, "output")) == b'"done"'
    assert world.journal(job) == ["queued", "started", *["step.completed"] * 4, "succeeded"]


@pytest.mark.parametrize("siblings", range(2, 9))
def test_siblings_that_end_at_the_same_moment_ready_one_evaluate_step(
    world: World, siblings: int
) -> None:
    with ThreadPoolExecutor(siblings) as pool:
        for _ in range(30):
            job = world.submit()
            world.plan(job, *[use()] * siblings)
            claims = [world.claim(job, 1 + i) for i in range(siblings)]
            start = threading.Barrier(siblings)

            def end(claimed: Claimed, start: threading.Barrier = start) -> Recorded:
                start.wait()
                return world.record(claimed, JOIN)

            recorded = [one.result() for one in [pool.submit(end, one) for one in claims]]
            firsts = [one.first_position for one in recorded if one.first_position is not None]
            assert firsts == [1 + siblings]
            assert world.steps(job) == [*["done"] * (1 + siblings), "ready"]


def test_who_lost_the_fence_records_nothing(world: World) -> None:
    job = world.submit()
    old = world.claim(job)
    world.expire(old)
    world.sweeps.expired()
    new = world.claim(job)
    before = world.job(job, "open_steps, journal_number, held_micro, spent_micro, next_position")
    for decision in (FINISH, FAIL, Continue(outcome=PLANNED, steps=(use(),)), AGAIN):
        assert world.record(old, decision).result is RecordResult.FENCED
    assert world.records.stand_down(old) == "fenced"
    after = world.job(job, "open_steps, journal_number, held_micro, spent_micro, next_position")
    assert (after, world.steps(job)) == (before, ["claimed"])
    assert world.record(new, FINISH).result is RecordResult.RECORDED


def test_a_second_record_of_the_same_claim_is_fenced(world: World) -> None:
    job = world.submit()
    claimed = world.claim(job)
    world.record(claimed, Continue(outcome=PLANNED, steps=(use(),)))
    assert world.record(claimed, FINISH).result is RecordResult.FENCED
    assert world.steps(job) == ["done", "ready"]


def test_a_record_into_an_ended_job_says_so(world: World) -> None:
    job = world.submit()
    world.plan(job, use(), use())
    first, second = world.claim(job, 1), world.claim(job, 2)
    assert world.record(first, FAIL).status == "failed"
    assert world.record(second, JOIN).result is RecordResult.ENDED
    assert world.record(second, AGAIN).result is RecordResult.ENDED
    assert world.steps(job) == ["done", "done", "canceled"]
    assert broken(world.database) == {}


def test_the_next_step_of_a_lane_we_serve_is_carried(world: World) -> None:
    job = world.submit()
    decision = Continue(outcome=PLANNED, steps=(use(EffectClass.UNSAFE), use()))
    recorded = world.record(world.claim(job), decision, carry=True)
    assert (recorded.first_position, recorded.carried) == (1, 1)
    assert world.steps(job) == ["done", "claimed", "ready"]
    assert world.step(job, 1, "fence") == 1


def test_a_record_that_carries_nothing_claims_what_is_due_next(world: World) -> None:
    world.end_all()
    job, other = world.submit(), world.submit()
    onward = Onward(lanes=(Lane.EVALUATE, Lane.PLAN))
    claimed = world.claim(job)
    recorded = world.records.record(claimed, FINISH, written=b"{}", onward=onward)
    assert isinstance(recorded.claimed, Claimed)
    assert (recorded.status, recorded.claimed.job_id) == ("succeeded", other)
    assert world.records.record(claimed, FINISH, written=b"{}", onward=onward).claimed == (
        NothingDue()
    )
    carried = world.records.record(
        recorded.claimed,
        Continue(outcome=PLANNED, steps=(use(),)),
        written=b"{}",
        onward=onward,
    )
    assert (carried.carried, carried.claimed) == (1, None)


def test_nothing_is_carried_while_the_job_is_paused(world: World) -> None:
    job = world.submit()
    claimed = world.claim(job)
    world.pause(job)
    recorded = world.record(claimed, Continue(outcome=PLANNED, steps=(use(),)), carry=True)
    assert (recorded.carried, world.steps(job)) == (0, ["done", "paused"])


def test_a_failed_attempt_is_due_again_after_its_delay(world: World) -> None:
    job = world.submit()
    again = TryAgain(delay=timedelta(minutes=1), code="timeout", message="no \0 rep\ud800ly")
    assert world.record(world.claim(job), again).status == "waiting"
    assert world.claims.named(world.tenant, job, 0) is None
    assert world.step(job, 0, "tries, rings, last_error") == (1, 0, "no  rep?ly")
    world.make_due(job, 0)
    assert world.claim(job).tries == 1
    assert world.journal(job) == ["queued", "started", "retrying", "resumed"]


def test_a_wait_that_is_nobodys_failure_does_not_count(world: World) -> None:
    job = world.submit()
    wait = TryAgain(delay=timedelta(0), code="quiet", message="", counts=False)
    world.record(world.claim(job), wait)
    assert (world.claim(job).tries, world.journal(job)[-1]) == (0, "waiting")


def test_the_job_fails_when_it_would_have_too_many_steps(world: World) -> None:
    job = world.submit(max_steps=3)
    recorded = world.plan(job, use(), use(), use())
    assert (recorded.status, recorded.code) == ("failed", "too_many_steps")
    assert b"too_many_steps" in world.job(job, "error")
    assert world.journal(job)[-1] == "failed"


def test_words_that_postgres_refuses_are_cleaned_on_their_way(world: World) -> None:
    job = world.submit()
    planned = Planned(calls=(), workflow="flow\0\ud800")
    step = replace(EVALUATE, call_id="id\0\udfff")
    world.record(world.claim(job), Continue(outcome=planned, steps=(step,)))
    assert world.job(job, "workflow") == "flow?"
    assert world.claim(job, 1).call_id == "id?"


def _transact(world: World, claimed: Claimed, sql: str) -> Recorded | Broke | str:
    statement = Statement(sql=sql, parameters={"key": str(claimed.job_id)})
    return world.records.record_with(claimed, JOIN, [statement], written=RAN.result, onward=HALT)


def test_statements_of_a_tool_stand_or_fall_with_its_record(world: World) -> None:
    world.one("create table if not exists ledger (key text primary key)")
    job = world.submit()
    world.plan(job, use(EffectClass.TRANSACTIONAL))
    old = world.claim(job, 1)
    world.expire(old)
    world.sweeps.expired()
    new = world.claim(job, 1)
    write = "insert into ledger values (%(key)s)"
    refused = _transact(world, new, write + ", (null)")
    assert refused == 'null value in column "key" of relation "ledger" violates not-null constraint'
    raised = _transact(world, new, "do $$ begin raise exception 'not you'; end $$")
    assert raised == "not you"
    fenced, recorded = _transact(world, old, write), _transact(world, new, write)
    assert isinstance(fenced, Recorded)
    assert fenced.result is RecordResult.FENCED
    assert isinstance(recorded, Recorded)
    assert recorded.result is RecordResult.RECORDED
    assert world.one("select count(*) from ledger where key = %s", str(job)) == 1


def test_an_outcome_comes_back_as_the_bytes_that_went_in(world: World) -> None:
    job = world.submit()
    world.plan(job, use())
    raw = b'{"n":"\\u0000\\ud800","big":1e999}'
    claimed = world.claim(job, 1)
    world.record(claimed, replace(JOIN, outcome=ToolRan(result=raw)))
    assert world.claims.history(world.claim(job, 2), limit=1)[-1].outcome == raw


def test_what_degrades_each_round_in_the_same_way_is_said_once(world: World) -> None:
    job = world.submit()
    said = ["small instead of large", "limit", "small instead of large", "limit"]
    for position, degraded in enumerate(said):
        following = replace(EVALUATE, round=position)
        more = Continue(outcome=replace(PLANNED, degraded=degraded), steps=(following,))
        world.record(world.claim(job, position), more)
    assert world.job(job, "degraded") == ["small instead of large", "limit"]


def test_of_all_that_degrades_a_job_the_newest_hundred_are_kept(world: World) -> None:
    job = world.submit()
    for position in range(102):
        following = replace(EVALUATE, round=position)
        more = Continue(outcome=replace(PLANNED, degraded=f"d{position}"), steps=(following,))
        world.record(world.claim(job, position), more)
    assert world.job(job, "degraded") == [f"d{n}" for n in range(2, 102)]
