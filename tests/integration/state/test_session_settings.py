"""What is acknowledged is on disk, however the session is set in which it happens."""

from collections.abc import Callable
from uuid import uuid4

import pytest

from agent_workers.domain import codec
from agent_workers.domain.decision import Decision
from agent_workers.domain.effect import Proof, Says, Source
from agent_workers.domain.ids import JobId
from agent_workers.domain.job import Submission
from agent_workers.state.database.engine import Connection, connect
from agent_workers.state.jobs.submissions import Pace, insert_jobs
from tests.integration.state.acting import allow, key_of
from tests.integration.state.world import AGAIN, FINISH, World

Act = Callable[[Connection], object]


def submit(world: World) -> Act:
    job = Submission(
        tenant_id=world.tenant,
        job_id=JobId(uuid4()),
        agent="demo",
        input=b"{}",
        max_cost_micro=0,
        max_steps=9,
    )
    return lambda on: insert_jobs(on, [(job, Pace(plan_timeout_ms=1_000, plan_hold_micro=0))])


def claim(world: World) -> Act:
    place = (world.tenant, world.submit(), 0, world.worker)
    return lambda on: on.execute("select claim_step(%s, %s, %s, %s, null)", place)


def record(world: World) -> Act:
    return _written(world, FINISH, codec.encode(FINISH.outcome))


def retry(world: World) -> Act:
    return _written(world, AGAIN, b"")


def ask(world: World) -> Act:
    claimed = world.acting()
    return lambda on: world.permits.ask(on, claimed, key_of(claimed), claimed.arguments)


def evidence(world: World) -> Act:
    claimed = world.acting()
    allow(world, claimed)
    proof = Proof(key=key_of(claimed), attempt=1, says=Says.HAPPENED, source=Source.REPLY)
    return lambda on: world.permits.evidence(on, claimed, proof)


def doubt(world: World) -> Act:
    claimed = world.acting()
    allow(world, claimed)
    return lambda on: world.permits.doubt(on, claimed, key_of(claimed), "who knows")


def cancel(world: World) -> Act:
    return _controlled(world, "stop_job(%s, %s, 'canceled', null, 'enough', false)")


def pause(world: World) -> Act:
    return _controlled(world, "pause_job(%s, %s, 'lunch')")


ALL = (submit, claim, record, retry, ask, evidence, doubt, cancel, pause)


@pytest.mark.parametrize("prepare", ALL)
@pytest.mark.parametrize(
    ("before", "during"), [("off", "on"), ("local", "on"), ("remote_apply", "remote_apply")]
)
def test_what_is_acknowledged_is_durable_and_never_less_than_was_asked_for(
    world: World, prepare: Callable[[World], Act], before: str, during: str
) -> None:
    act = prepare(world)
    with connect(world.database.url, name="test") as on, on.transaction():
        on.execute(f"set local synchronous_commit = {before}".encode())
        act(on)
        assert on.execute("show synchronous_commit").fetchone() == (during,)


def _written(world: World, decision: Decision, written: bytes) -> Act:
    claimed = world.claim(world.submit())
    return lambda on: world.records.record(claimed, decision, written=written, connection=on)


def _controlled(world: World, call: str) -> Act:
    job = world.submit()
    return lambda on: on.execute(f"select {call}".encode(), (world.tenant, job))
