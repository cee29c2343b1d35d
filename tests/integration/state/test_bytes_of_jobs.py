"""A job counts the bytes that it keeps, and ends beyond as many as it may."""

from dataclasses import replace

from agent_workers.domain import codec
from agent_workers.domain.claim import Claimed, Onward, Recorded
from agent_workers.domain.decision import Continue, Decision
from agent_workers.domain.effect import EffectClass
from agent_workers.domain.ids import JobId
from agent_workers.domain.step import ToolRan
from agent_workers.state.steps.records import Records
from tests.integration.state.world import (
    AGAIN,
    ALL_LANES,
    EVALUATE,
    FINISH,
    JOIN,
    PLANNED,
    World,
    use,
)

MOST = 20_000
LARGE = replace(JOIN, outcome=ToolRan(result=b'"' + MOST * b"x" + b'"'))


def record(world: World, claimed: Claimed, decision: Decision) -> Recorded:
    records = Records(world.database, world.worker, ALL_LANES, most_bytes=MOST)
    written = codec.encode(decision.outcome)  # type: ignore[union-attr]  # only of what is recorded
    return records.record(claimed, decision, written=written, onward=Onward())


def kept(world: World, job: JobId) -> int:
    found: int = world.one("select bytes from jobs where job_id = %s", job)
    return found


def error(world: World, job: JobId) -> str:
    return str(
        world.one(
            "select convert_from(error, 'UTF8')::json ->> 'code' from jobs where job_id = %s", job
        )
    )


def test_what_is_given_planned_found_and_tried_again_is_counted(world: World) -> None:
    job = world.submit(said=b"i" * 5_000)
    counted = [kept(world, job)]
    world.plan(job, replace(use(), arguments=b'"' + b"a" * 5_000 + b'"'))
    counted.append(kept(world, job))
    world.record(world.claim(job, 1), replace(AGAIN, message="e" * 5_000))
    counted.append(kept(world, job))
    world.record(world.claim(job, 1), replace(JOIN, outcome=ToolRan(result=b"r" * 5_000)))
    counted.append(kept(world, job))
    world.record(world.claim(job, 2), replace(FINISH, output=b"o" * 5_000))
    counted.append(kept(world, job))
    steps = [after - before for before, after in zip([0, *counted], counted, strict=False)]
    assert all(5_000 < step < 8_000 for step in steps), steps


def test_of_an_effect_the_request_and_the_evidence_are_counted_too(world: World) -> None:
    grew = []
    for effect in (EffectClass.PURE, EffectClass.KEYED):
        job = world.submit()
        world.plan(job, use(effect))
        before = kept(world, job)
        world.record(world.claim(job, 1), replace(JOIN, outcome=ToolRan(result=b"r" * 5_000)))
        grew.append(kept(world, job) - before)
        world.cancel(job)
    assert grew[1] - grew[0] > 10_000


def test_a_job_that_keeps_too_much_fails_and_what_it_did_is_recorded(world: World) -> None:
    job = world.submit()
    world.plan(job, use())
    recorded = record(world, world.claim(job, 1), LARGE)
    assert (recorded.status, recorded.code) == ("failed", "too_many_bytes")
    assert error(world, job) == "too_many_bytes"
    assert world.one("select status from steps where job_id = %s and position = 1", job) == "done"
    assert kept(world, job) > MOST


def test_it_ends_only_when_no_sibling_is_at_work(world: World) -> None:
    job = world.submit()
    world.plan(job, use(EffectClass.UNSAFE), use())
    assert record(world, world.claim(job, 2), LARGE).status == "running"
    assert record(world, world.claim(job, 1), JOIN).status == "failed"
    assert error(world, job) == "too_many_bytes"


def test_a_plan_that_is_too_large_is_not_handed_out(world: World) -> None:
    job = world.submit()
    steps = tuple(replace(use(), arguments=b'"' + MOST // 4 * b"a" + b'"') for _ in range(4))
    recorded = record(world, world.claim(job), Continue(outcome=PLANNED, steps=steps))
    assert (recorded.status, recorded.first_position) == ("failed", None)
    assert world.one("select count(*) from steps where job_id = %s", job) == 1


def test_an_answer_is_never_refused(world: World) -> None:
    job = world.submit(said=b"i" * MOST)
    world.record(world.claim(job), Continue(outcome=PLANNED, steps=(EVALUATE,)))
    assert record(world, world.claim(job, 1), FINISH).status == "succeeded"


def test_a_job_that_is_being_stopped_ends_as_it_was_told_to(world: World) -> None:
    job = world.submit()
    world.plan(job, use(EffectClass.UNSAFE))
    claimed = world.claim(job, 1)
    world.cancel(job)
    record(world, claimed, LARGE)
    assert world.one("select status from jobs where job_id = %s", job) == "canceled"
