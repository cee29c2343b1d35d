"""Steps that start a job and wait for it: once, within a budget, and never for ever."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from agent_workers.domain.budget import Usage
from agent_workers.domain.claim import Claimed, Onward
from agent_workers.domain.decision import Join
from agent_workers.domain.ids import JobId
from agent_workers.domain.step import Lane, ToolRan
from agent_workers.orchestration.engine_tools.decide import still_holding
from agent_workers.state.catalogue.agents import Agents
from tests.integration.state.invariants import broken
from tests.integration.state.waiting import (
    child,
    child_id,
    engaging,
    go_on,
    know_agent,
    money,
    park,
    started,
    waited,
)
from tests.integration.state.world import AGAIN, EVALUATE, FINISH, World, use


@pytest.fixture(autouse=True)
def _whole(world: World) -> Iterator[None]:
    know_agent(world)
    yield
    assert broken(world.database) == {}


def end(world: World, job: JobId, *, cost: int = 0) -> None:
    """Do a job in one plan that costs this much."""
    ran = ToolRan(result=b"1", usage=Usage(cost_micro=cost))
    world.record(world.claim(job), Join(outcome=ran, step=EVALUATE))
    world.record(world.claim(job, 1), FINISH)


def test_a_child_is_a_job_one_level_below_with_what_it_may_spend(world: World) -> None:
    parent, job = started(world, child(300), allowance=1_000)
    columns = "parent_id, depth, allowance_micro, root_id, status, agent_version"
    assert world.job(job, columns) == (parent.job_id, 1, 300, job, "queued", "1")
    assert money(world, parent.job_id) == (300, 0)


def test_the_end_of_a_child_wakes_its_parent_which_books_what_it_cost(world: World) -> None:
    parent, job = started(world, child(300), allowance=1_000)
    end(world, job, cost=7)
    assert money(world, parent.job_id) == (300, 0)
    go_on(world, parent)
    assert money(world, parent.job_id) == (0, 7)
    assert world.step(parent.job_id, 1, "outcome") == b'"done"'


def test_who_ends_a_child_claims_the_step_of_its_parent_in_the_same_transaction(
    world: World,
) -> None:
    parent, job = started(world, child())
    world.record(world.claim(job), Join(outcome=ToolRan(result=b"1"), step=EVALUATE))
    recorded = world.records.record(
        world.claim(job, 1), FINISH, written=b"1", onward=Onward(lanes=(Lane.TOOL,))
    )
    assert isinstance(recorded.claimed, Claimed)
    assert (recorded.claimed.job_id, recorded.claimed.position) == (parent.job_id, 1)


@pytest.mark.parametrize("ending", ["canceled", "failed"])
def test_a_child_that_does_not_succeed_is_told_with_what_it_cost(world: World, ending: str) -> None:
    parent, job = started(world, child(300), allowance=1_000)
    world.one("update jobs set spent_micro = 9 where job_id = %s", job)
    sql = "select stop_job(%s, %s, %s, %s, 'why', true)"
    error = b'{"code":"x","message":"y"}' if ending == "failed" else None
    world.one(sql, world.tenant, job, ending, error)
    go_on(world, parent)
    assert money(world, parent.job_id) == (0, 9)
    assert world.step(parent.job_id, 1, "outcome_type") == "tool_failed"
    assert f"child_{ending}" in world.step(parent.job_id, 1, "outcome").decode()


def test_an_agent_that_nobody_knows_is_told_at_once(world: World) -> None:
    claimed = engaging(world)
    park(world, claimed, child(agent="nobody"))
    assert b"unknown_agent" in (waited(world, world.claim(claimed.job_id, 1)).answer or b"")


def test_an_agent_that_was_retired_starts_no_child(world: World) -> None:
    claimed = engaging(world)
    world.one("insert into agents values (%s, 'gone', '1', 1000)", world.tenant)
    Agents(world.database).retire(world.tenant, "gone")
    park(world, claimed, child(agent="gone"))
    assert b"agent_retired" in (waited(world, world.claim(claimed.job_id, 1)).answer or b"")


def test_a_step_that_is_done_again_starts_no_second_child(world: World) -> None:
    claimed, job = started(world, child())
    world.make_due(claimed.job_id, 1)
    again = world.claim(claimed.job_id, 1)
    park(world, again, child(job_id=job))
    assert world.one("select count(*) from jobs where parent_id = %s", claimed.job_id) == 1
    end(world, job)
    assert waited(world, world.claim(claimed.job_id, 1)).answer is not None


def test_a_child_that_ends_while_its_parent_s_step_is_claimed_is_not_lost(world: World) -> None:
    claimed, job = started(world, child(300), allowance=1_000)
    world.make_due(claimed.job_id, 1)
    again = world.claim(claimed.job_id, 1)
    again = still_holding(again, waited(world, again))
    end(world, job, cost=3)
    assert park(world, again, child(300, job_id=job)).status == "running"
    go_on(world, claimed)
    assert money(world, claimed.job_id) == (0, 3)


def test_a_paused_parent_goes_on_after_it_is_resumed(world: World) -> None:
    parent, job = started(world, child())
    world.pause(parent.job_id)
    assert world.status(job) == "queued"
    end(world, job)
    assert world.claims.named(world.tenant, parent.job_id, 1) is None
    assert world.control("resume_job", parent.job_id) == "running"
    go_on(world, parent)


def test_a_parent_that_is_resumed_while_its_child_works_is_waiting(world: World) -> None:
    parent, _ = started(world, child())
    world.pause(parent.job_id)
    assert world.control("resume_job", parent.job_id) == "waiting"


@pytest.mark.parametrize("how", ["cancel", "deadline"])
def test_children_of_a_parent_that_ended_are_stopped_by_the_next_sweep(
    world: World, how: str
) -> None:
    deadline = timedelta(milliseconds=1) if how == "deadline" else None
    world_child = child(timeout=timedelta(hours=1))
    claimed = engaging(world)
    park(world, claimed, world_child)
    below = grandchild(world, child_id(world_child))
    if deadline is None:
        world.cancel(claimed.job_id)
    else:
        world.one(
            "insert into timers (tenant_id, job_id, kind, due_at) values (%s, %s, 'deadline', now())",
            *(world.tenant, claimed.job_id),
        )
        world.sweeps.deadlines()
    for _ in range(3):
        world.sweeps.deadlines()
    assert (world.status(child_id(world_child)), world.status(below)) == ("canceled", "canceled")
    assert world.one("select count(*) from timers where tenant_id = %s", world.tenant) == 0


def grandchild(world: World, job: JobId) -> JobId:
    world.plan(job, use())
    wait = child()
    park(world, world.claim(job, 1), wait)
    return child_id(wait)


def test_a_time_out_is_the_child_s_own_deadline_so_that_its_cost_is_known(world: World) -> None:
    parent, job = started(world, child(300, timeout=timedelta(milliseconds=1)), allowance=1_000)
    world.one("update jobs set spent_micro = 4 where job_id = %s", job)
    world.one("select pg_sleep(0.01)")
    world.sweeps.deadlines()
    assert world.status(job) == "failed"
    go_on(world, parent)
    assert money(world, parent.job_id) == (0, 4)
    assert b"deadline_exceeded" in world.step(parent.job_id, 1, "outcome")


def test_a_worker_that_dies_with_a_step_that_starts_a_child_costs_nothing(world: World) -> None:
    claimed = engaging(world, allowance=1_000)
    world.expire(claimed)
    world.sweeps.expired()
    park(world, world.claim(claimed.job_id, 1), child(1_000))
    assert money(world, claimed.job_id) == (1_000, 0)


def test_a_sweep_never_waits_for_the_step_of_a_parent(world: World) -> None:
    parent, job = started(world, child(timeout=timedelta(milliseconds=1)))
    world.one("select pg_sleep(0.01)")
    with world.database.transaction() as connection:
        sql = b"select from steps where job_id = %s and position = 1 for update"
        connection.execute(sql, (parent.job_id,))
        world.sweeps.deadlines()
        assert world.status(job) == "queued"
    world.sweeps.deadlines()
    assert world.status(job) == "failed"


def test_another_attempt_at_a_step_that_was_woken_keeps_what_its_wait_holds(world: World) -> None:
    parent, job = started(world, child(300), allowance=1_000)
    end(world, job, cost=3)
    again = world.claim(parent.job_id, 1)
    world.record(still_holding(again, waited(world, again)), AGAIN)
    assert money(world, parent.job_id) == (300, 0)
    go_on(world, parent)
    assert money(world, parent.job_id) == (0, 3)
