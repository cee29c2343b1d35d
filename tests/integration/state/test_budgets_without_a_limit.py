"""Jobs without a limit of their own: they draw what their steps may cost from their tenant's budgets."""

import threading
from collections.abc import Sequence
from dataclasses import replace
from uuid import uuid4

import pytest

from agent_workers.domain.budget import Usage
from agent_workers.domain.decision import Continue
from agent_workers.domain.errors import BudgetExceeded
from agent_workers.domain.ids import JobId
from agent_workers.domain.job import Submission
from agent_workers.domain.step import Lane, StepKind
from agent_workers.state.jobs.submissions import Pace, Submissions
from tests.integration.state.invariants import broken
from tests.integration.state.test_budgets import MONEY, budget, costing, sums
from tests.integration.state.waiting import child, child_id, know_agent, park, waited
from tests.integration.state.world import EVALUATE, PLANNED, World, use


@pytest.fixture(autouse=True)
def _whole(world: World):
    yield
    assert broken(world.database) == {}


def lower(world: World, limit: int) -> None:
    world.one("update budgets set limit_micro = %s where tenant_id = %s", limit, world.tenant)


@pytest.mark.parametrize("hold", [0, 10])
def test_a_budget_of_nothing_refuses_a_job_without_a_limit(world: World, hold: int) -> None:
    budget(world, 0)
    with pytest.raises(BudgetExceeded, match="month"):
        world.submit(hold=hold)
    assert world.one("select count(*) from jobs where tenant_id = %s", world.tenant) == 0


def test_jobs_that_arrive_together_are_refused_one_by_one(world: World) -> None:
    budget(world, 0)
    asked = [
        (
            Submission(tenant_id=world.tenant, job_id=JobId(uuid4()), agent="demo", input=b"{}"),
            Pace(plan_timeout_ms=60_000, plan_hold_micro=0),
        )
        for _ in range(2)
    ]
    stored = Submissions(world.database).many(asked)
    assert [type(one) for one in stored] == [BudgetExceeded, BudgetExceeded]


def test_a_step_draws_what_it_may_cost_and_the_end_gives_the_rest_back(world: World) -> None:
    budget(world, 100)
    budget(world, 90, "team")
    job = world.submit(hold=30)
    assert sums(world) == (0, 0, 0)
    claimed = world.claim(job)
    assert world.job(job, MONEY) == (60, 30, 0)
    assert (sums(world), sums(world, "team")) == ((60, 0, 0), (60, 0, 0))
    assert claimed.left_micro == 60  # of its own, and what the tighter budget has
    world.record(claimed, costing(7))
    assert (sums(world), sums(world, "team")) == ((0, 7, 0), (0, 7, 0))


def test_the_last_of_a_budget_pays_for_one_of_two_jobs(world: World) -> None:
    world.end_all()
    budget(world, 50)
    first, second = world.submit(hold=30), world.submit(hold=30)
    world.claim(first)
    assert sums(world) == (50, 0, 0)
    assert world.claims.named(world.tenant, second, 0) is None
    assert (world.status(second), world.job(second, "status_detail")) == ("paused", "budget")
    world.cancel(first)
    assert world.control("resume_job", second) == "queued"
    world.cancel(second)


def _resume(world: World, jobs: Sequence[JobId]) -> None:
    for job in jobs:
        if world.status(job) == "paused":
            world.control("resume_job", job)


def test_many_jobs_at_once_never_hold_more_than_their_budget(world: World) -> None:
    world.end_all()
    budget(world, 100)
    jobs = [world.submit(hold=10) for _ in range(24)]

    def claim_and_record() -> None:
        while (claimed := world.claims.next([Lane.PLAN])) is not None:
            world.record(claimed, costing(10))

    threads = [threading.Thread(target=claim_and_record) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    reserved, spent, overrun = sums(world)
    assert reserved + spent <= 100
    assert overrun == 0
    # By name, as they are rung for: a look of the threads may have begun behind them for a moment.
    # A claim that found the budgets locked has put its step off by 50 ms; they are free now.
    _resume(world, jobs)
    world.one(
        "update steps set due_at = clock_timestamp() where job_id = any(%s) and status = 'ready'",
        jobs,
    )
    for job in jobs:
        if (claimed := world.claims.named(world.tenant, job, 0)) is not None:
            world.record(claimed, costing(10))
    world.end_all()
    assert sums(world) == (0, 100, 0)


def test_a_budget_that_somebody_holds_makes_a_claim_wait_and_not_block(world: World) -> None:
    world.end_all()
    budget(world, 100)
    job = world.submit(hold=10)
    with world.database.transaction() as held:
        held.execute("select 1 from budgets where tenant_id = %s for update", (world.tenant,))
        assert world.claims.named(world.tenant, job, 0) is None
        assert world.status(job) == "queued"
    world.one("update steps set due_at = clock_timestamp() where job_id = %s", job)
    world.claim(job)
    world.cancel(job)


def test_an_agent_that_says_no_worst_case_stops_once_its_budget_is_spent(world: World) -> None:
    budget(world, 100)
    job = world.submit()
    plan = replace(EVALUATE, kind=StepKind.PLAN, lane=Lane.PLAN, round=1)
    dear = replace(PLANNED, usage=Usage(cost_micro=120))
    recorded = world.record(world.claim(job), Continue(outcome=dear, steps=(plan,)), carry=True)
    assert recorded.carried == 0
    assert world.claims.named(world.tenant, job, 1) is None
    assert (world.status(job), world.job(job, MONEY)) == ("paused", (2, 0, 120))
    world.cancel(job)
    assert sums(world) == (0, 120, 118)


def test_a_limit_may_be_lowered_below_what_is_used_and_nothing_more_is_spent(world: World) -> None:
    budget(world, 100)
    job = world.submit(allowance=60, hold=20)
    world.record(
        world.claim(job),
        Continue(outcome=replace(PLANNED, usage=Usage(cost_micro=20)), steps=(use(hold=10),)),
    )
    lower(world, 10)
    with pytest.raises(BudgetExceeded):
        world.submit(allowance=1)
    with pytest.raises(BudgetExceeded):
        world.submit()
    assert world.claims.named(world.tenant, job, 1) is None
    assert (world.status(job), world.job(job, "status_detail")) == ("paused", "budget")
    lower(world, 100)
    world.control("resume_job", job)
    world.claim(job, 1)
    world.cancel(job)


def test_nothing_is_carried_once_a_limit_was_lowered(world: World) -> None:
    budget(world, 100)
    job = world.submit(allowance=60, hold=20)
    claimed = world.claim(job)
    lower(world, 10)
    decision = Continue(outcome=PLANNED, steps=(use(hold=10),))
    assert world.record(claimed, decision, carry=True).carried == 0
    world.cancel(job)


def test_a_job_of_somebody_elses_transaction_is_stored_and_waits_for_money(world: World) -> None:
    budget(world, 0)
    world.one(
        "insert into agents (tenant_id, name, version, plan_timeout_ms, plan_hold_micro)"
        " values (%s, 'teller', '1', 1000, 5)",
        world.tenant,
    )
    stored = world.one(
        "select agent_workers.enqueue('teller', '{}', tenant => %s)", str(world.tenant)
    )
    job = world.one(
        "select job_id from jobs where 'job_' || replace(job_id::text, '-', '') = %s", stored
    )
    assert world.claims.named(world.tenant, JobId(job), 0) is None
    assert (world.status(job), world.job(job, "status_detail")) == ("paused", "budget")
    world.cancel(job)


@pytest.mark.parametrize(("asked", "given"), [(300, 300), (None, 90)])
def test_a_child_of_such_a_job_is_paid_by_its_parent(
    world: World, asked: int | None, given: int
) -> None:
    know_agent(world)
    budget(world, 1_000)
    job = world.submit(hold=50)
    world.record(
        world.claim(job),
        Continue(outcome=replace(PLANNED, usage=Usage(cost_micro=100)), steps=(use(),)),
    )
    wait = child(asked)
    park(world, world.claim(job, 1), wait)
    assert world.job(child_id(wait), "allowance_micro, draws") == (given, False)
    assert world.job(job, "held_micro, spent_micro") == (given, 100)
    assert sums(world)[0] >= given + 100
    assert world.one("select count(*) from reservations where job_id = %s", child_id(wait)) == 0
    world.cancel(job)
    world.end_all()


def test_a_child_that_no_budget_can_pay_for_is_not_started(world: World) -> None:
    know_agent(world)
    budget(world, 1_000)
    job = world.submit()
    world.record(world.claim(job), Continue(outcome=PLANNED, steps=(use(),)))
    wait = child(2_000)
    park(world, world.claim(job, 1), wait)
    found = waited(world, world.claim(job, 1))
    assert b'"budget"' in (found.answer or b"")
    assert world.job(job, "held_micro") == 0
    world.cancel(job)
