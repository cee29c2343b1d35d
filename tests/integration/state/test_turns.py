"""Turns: claims go round the tenants that wait, whatever each has queued and however urgent it says."""

from datetime import timedelta
from uuid import uuid4

import pytest

from agent_workers.domain.claim import Claimed, Onward
from agent_workers.domain.decision import Continue
from agent_workers.domain.ids import JobId, TenantId
from agent_workers.domain.step import Lane
from agent_workers.state.database.engine import Connection
from tests.integration.state.world import ALL_LANES, EVALUATE, FINISH, PLANNED, World, use

_PLAN = [Lane.PLAN]
_LOOK = "select look_for_turns('{plan}', %s)"
_CLAIM_OF = "select fence from claim_oldest(%s, '{plan}', gen_random_uuid(), null) c"
_CLAIM_NEXT = "select fence from claim_next('{plan}', gen_random_uuid(), null, false)"
_WAITED = """
update steps set due_at = due_at - make_interval(mins => %s) where job_id = any (%s)"""
# As after a look that passed very many: where due steps begin, and until when that holds.
_SINCE = """
select set_config('agent_workers.ready_since',
  (array_fill(clock_timestamp() - interval '2 minutes', array[4])
   || (clock_timestamp() + interval '1 hour'))::text, false)"""
_KEEP = "select set_config('agent_workers.turns_plan', %s, false)"
_SCANS = "select pg_stat_get_xact_numscans('steps_turns_idx'::regclass)"
_PASSED = "select pg_stat_get_xact_tuples_returned('steps_ready_idx'::regclass)"


@pytest.fixture
def flood(alone: World) -> World:
    """The tenant that has much to do."""
    return alone


def another(world: World, name: str = "") -> World:
    return World(world.database, TenantId(name or f"tenant-{uuid4().hex[:12]}"))


def waiting(world: World, count: int, *, minutes: int = 1) -> list[JobId]:
    """Jobs whose first step has waited for so long, or has such a priority."""
    jobs = [world.submit() for _ in range(count)]
    world.one(_WAITED, minutes, jobs)
    return jobs


def claim(world: World) -> Claimed:
    claimed = world.claims.next(_PLAN)
    assert claimed is not None
    return claimed


def look(world: World, after: str = "") -> list[str]:
    return list(world.one(_LOOK, after))[2:]


def test_a_newcomer_is_claimed_next_before_a_flood_of_any_priority(flood: World) -> None:
    newcomer = another(flood)
    waiting(flood, 20, minutes=100)
    newcomer.submit()
    assert newcomer.tenant in {claim(flood).tenant_id for _ in range(2)}


def test_three_tenants_take_turns(flood: World) -> None:
    tenants = [flood, another(flood), another(flood)]
    for number, one in enumerate(tenants):
        waiting(one, 3 + number, minutes=1 + number)
    turns = [claim(flood).tenant_id for _ in range(9)]
    everybody = {one.tenant for one in tenants}
    assert [set(turns[n : n + 3]) for n in (0, 3, 6)] == [everybody] * 3


def test_a_priority_counts_among_the_jobs_of_its_tenant(flood: World) -> None:
    waiting(another(flood), 2, minutes=50)
    usual, urgent = waiting(flood, 1), waiting(flood, 1, minutes=9)
    mine = [one for one in (claim(flood) for _ in range(4)) if one.tenant_id == flood.tenant]
    assert [one.job_id for one in mine] == urgent + usual


def test_a_step_that_was_rung_for_out_of_its_turn_is_found_in_it(flood: World) -> None:
    newcomer = another(flood)
    waiting(flood, 2, minutes=1)
    [urgent] = waiting(newcomer, 1, minutes=10)
    flood.one(_SINCE)
    flood.one(_KEEP, [f"{flood.now() + timedelta(hours=1)}", "", flood.tenant, newcomer.tenant])
    served = flood.claims.nudged(newcomer.tenant, urgent, 0, lanes=_PLAN)
    assert served is not None
    assert served.tenant_id == flood.tenant
    assert claim(flood).job_id == urgent


def test_a_nudge_for_one_tenant_serves_another_whose_turn_it_is(flood: World) -> None:
    nudged = waiting(flood, 4, minutes=100)
    newcomer = another(flood)
    waiting(newcomer, 4)
    answered = [flood.claims.nudged(flood.tenant, job, 0, lanes=_PLAN) for job in nudged]
    tenants = [one.tenant_id for one in answered if one]
    assert sorted(tenants.count(one.tenant) for one in (flood, newcomer)) == [2, 2]
    assert [claim(flood) is not None for _ in range(4)] == [True] * 4  # what was passed over


def test_a_nudge_in_its_tenants_turn_gets_the_step_that_it_names(flood: World) -> None:
    *_, named = waiting(flood, 3)
    waiting(another(flood), 3)
    answered = [flood.claims.nudged(flood.tenant, named, 0, lanes=_PLAN) for _ in range(2)]
    assert named in [one.job_id for one in answered if one]


def test_a_turn_with_nothing_left_is_the_next_tenants(flood: World) -> None:
    gone, third = another(flood), another(flood)
    waiting(flood, 8, minutes=100)
    waiting(third, 8)
    (job,) = waiting(gone, 1)
    assert len({claim(flood).tenant_id for _ in range(3)}) == 3
    gone.cancel(job)
    turns = [claim(flood).tenant_id for _ in range(6)]
    assert (turns.count(flood.tenant), turns.count(third.tenant)) == (3, 3)


@pytest.mark.parametrize("yields", [False, True])
def test_a_job_that_went_on_for_long_is_carried_on_only_if_nobody_else_waits(
    flood: World, *, yields: bool
) -> None:
    claimed = flood.claim(flood.submit())
    waiting(another(flood), 1)
    recorded = flood.records.record(
        claimed,
        Continue(outcome=PLANNED, steps=(use(),)),
        written=b"{}",
        onward=Onward(lanes=ALL_LANES, yields=yields),
    )
    assert recorded.carried == (0 if yields else 1)


def test_a_job_of_a_tenant_alone_is_carried_on_however_long_it_went_on(flood: World) -> None:
    claimed = flood.claim(flood.submit())
    waiting(flood, 2)
    recorded = flood.records.record(
        claimed,
        Continue(outcome=PLANNED, steps=(EVALUATE,)),
        written=b"{}",
        onward=Onward(lanes=ALL_LANES, yields=True),
    )
    assert recorded.carried == 1


def test_whoever_records_claims_the_step_whose_turn_it_is(flood: World) -> None:
    ending = [flood.submit() for _ in range(2)]
    for job in ending:
        flood.plan(job, EVALUATE)
    waiting(flood, 4, minutes=100)
    newcomer = another(flood)
    newcomer.submit()
    assert newcomer.tenant in {recorded_by(flood, job) for job in ending}


def recorded_by(world: World, job: JobId) -> TenantId:
    """End a job; return whose step was claimed with its record."""
    onward = Onward(lanes=(Lane.PLAN,))
    recorded = world.records.record(world.claim(job, 1), FINISH, written=b"{}", onward=onward)
    assert isinstance(recorded.claimed, Claimed)
    return recorded.claimed.tenant_id


def test_a_look_goes_round_from_its_place_and_passes_over_who_waits_for_later(
    flood: World,
) -> None:
    for name in ("a", "b", "c", "d"):
        waiting(another(flood, name), 2)
    flood.one("update steps set due_at = now() + interval '1 day' where tenant_id = 'c'")
    assert (look(flood, ""), look(flood, "a"), look(flood, "b")) == (
        ["a", "b", "d"],
        ["b", "d", "a"],
        ["d", "a", "b"],
    )


def test_who_waits_alone_takes_no_turns(flood: World) -> None:
    waiting(flood, 2)
    assert look(flood) == [flood.tenant]
    assert flood.one("select take_turn('{plan}')") is None


def test_a_list_that_holds_is_not_looked_for_again(flood: World) -> None:
    waiting(flood, 3)
    with flood.database.transaction() as session:
        session.execute(_KEEP, ("{infinity,x}",))
        for _ in range(3):
            assert one(session, _CLAIM_NEXT) is not None
        assert one(session, _SCANS) == 0


def test_a_tenants_claim_passes_nothing_of_the_flood_before_it(flood: World) -> None:
    waiting(flood, 60, minutes=100)
    flood.one("analyze steps")  # which knows of no tenant but the flood's
    newcomer = another(flood)
    waiting(newcomer, 3)
    with flood.database.transaction() as session:
        for _ in range(3):
            assert one(session, _CLAIM_OF, newcomer.tenant) is not None
        assert one(session, _PASSED) == 0


def one(session: Connection, sql: str, *values: object) -> object:
    row = session.execute(sql.encode(), values).fetchone()
    return None if row is None else row[0]
