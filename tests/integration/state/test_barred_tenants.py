"""A tenant that has its share of a process's places is passed over by all three ways to a claim."""

from uuid import uuid4

import pytest

from agent_workers.domain.claim import Claimed, NothingDue, Onward
from agent_workers.domain.ids import JobId, TenantId
from agent_workers.domain.step import Lane
from tests.integration.state.world import FINISH, World, use

_PLAN = [Lane.PLAN]
_WAITED = "update steps set due_at = due_at - interval '1 minute' where job_id = any (%s)"


@pytest.fixture
def crowd(alone: World) -> World:
    """The tenant that is barred."""
    return alone


@pytest.fixture
def other(crowd: World) -> World:
    return World(crowd.database, TenantId(f"tenant-{uuid4().hex[:12]}"))


def waiting(world: World, count: int = 1) -> list[JobId]:
    jobs = [world.submit() for _ in range(count)]
    world.one(_WAITED, jobs)
    return jobs


def next_of(world: World, barred: World) -> Claimed | None:
    return world.claims.next(_PLAN, barred=[barred.tenant])


def test_who_looks_for_work_passes_it_over_and_finds_nothing_else(crowd: World) -> None:
    waiting(crowd, 2)
    assert next_of(crowd, barred=crowd) is None


def test_who_looks_for_work_finds_what_others_have(crowd: World, other: World) -> None:
    waiting(crowd, 2)
    [theirs, second] = waiting(other, 2)
    found = [next_of(crowd, barred=crowd) for _ in range(3)]
    assert [one and one.job_id for one in found] == [theirs, second, None]


def test_a_doorbell_for_its_step_claims_nothing(crowd: World) -> None:
    [job] = waiting(crowd)
    assert crowd.claims.nudged(crowd.tenant, job, 0, lanes=_PLAN, barred=[crowd.tenant]) is None
    assert next_of(crowd, barred=World(crowd.database, TenantId("nobody"))) is not None


def test_a_doorbell_for_somebody_elses_step_claims_it_at_once(crowd: World, other: World) -> None:
    waiting(crowd, 2)
    job = other.submit()
    claimed = crowd.claims.nudged(other.tenant, job, 0, lanes=_PLAN, barred=[crowd.tenant])
    assert claimed is not None
    assert claimed.job_id == job


def test_who_records_does_not_claim_its_next_job(crowd: World) -> None:
    assert isinstance(recorded(crowd, barred=()), Claimed)
    assert isinstance(recorded(crowd, barred=(crowd.tenant,)), NothingDue)


def recorded(world: World, barred: tuple[TenantId, ...]) -> Claimed | NothingDue | None:
    """End a job while another one waits; what was claimed with that."""
    job = world.submit()
    world.plan(job, use())
    waiting(world)
    onward = Onward(lanes=(Lane.PLAN,), barred=barred)
    return world.records.record(world.claim(job, 1), FINISH, written=b"{}", onward=onward).claimed
