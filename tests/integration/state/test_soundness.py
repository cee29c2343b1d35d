"""Rows that disagree are found when a test ends, and each is held against one test only."""

import pytest

from agent_workers.domain.effect import EffectClass
from agent_workers.domain.ids import JobId
from agent_workers.state.proving.invariants import violations
from tests.integration.state.acting import allow, doubt
from tests.integration.state.world import World, use
from tests.support.soundness import Soundness

pytestmark = pytest.mark.breaks_rows("each breaks an invariant, to see that it is noticed")

_BREAKING = {
    "every doubt has a reason": "update effects set doubt_reason = null where job_id = %s",
    "every doubt is told in a journal": (
        "update journal set type = 'noted' where type = 'in_doubt' and job_id = %s"
    ),
    "a step in doubt has an effect in doubt": "update effects set state = 'intended' where job_id = %s",
    "a call fails for good only when none of its permits is open": (
        "update steps set status = 'done', outcome_type = 'tool_failed', outcome = '{}'"
        " where position = 1 and job_id = %s"
    ),
}


@pytest.mark.parametrize("invariant", _BREAKING)
def test_a_row_that_disagrees_is_found(world: World, invariant: str) -> None:
    claimed = world.acting(EffectClass.UNSAFE)
    allow(world, claimed)
    doubt(world, claimed)
    assert _named(world, claimed.job_id) == []
    past_the_guards(world, _BREAKING[invariant], claimed.job_id)
    assert invariant in _named(world, claimed.job_id)


def test_a_call_that_may_have_happened_under_two_keys_is_found(world: World) -> None:
    job = world.submit()
    world.plan(job, use(EffectClass.KEYED), use(EffectClass.KEYED))
    for position in (1, 2):
        allow(world, world.claim(job, position))
    assert _named(world, job) == []
    past_the_guards(world, "update steps set call_id = 'c1' where tool <> '' and job_id = %s", job)
    assert _named(world, job) == ["a call happens under one key"]


def test_what_one_test_broke_is_not_held_against_the_next(
    world: World, soundness: Soundness
) -> None:
    job = world.submit()
    world.one("update jobs set open_steps = 7 where job_id = %s", job)
    assert [one.job_id for one in soundness.news()] == [job]
    assert soundness.news() == []


def past_the_guards(world: World, sql: str, *values: object) -> None:
    with world.database.connection() as connection:
        connection.execute("set session_replication_role = replica")
        connection.execute(sql.encode(), values)
        connection.execute("reset session_replication_role")


def _named(world: World, job: JobId) -> list[str]:
    """Return the invariants that this job breaks."""
    return [one.invariant for one in violations(world.database) if one.job_id == job]
