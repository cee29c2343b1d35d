"""Money: reserved at submission, held in a claim, settled in a record, the rest given back."""

from dataclasses import replace

import pytest

from agent_workers.domain.budget import Usage
from agent_workers.domain.decision import Continue, Finish, TryAgain
from agent_workers.domain.errors import BudgetExceeded
from agent_workers.domain.step import Judged, Lane, Verdict
from tests.integration.state.invariants import broken
from tests.integration.state.world import AGAIN, PLANNED, World, use

MONEY = "allowance_micro, held_micro, spent_micro"


@pytest.fixture(autouse=True)
def _whole(world: World):
    yield
    assert broken(world.database) == {}


def budget(world: World, limit: int, name: str = "month") -> None:
    sql = "insert into budgets (tenant_id, budget_id, limit_micro) values (%s, %s, %s)"
    world.one(sql, world.tenant, name, limit)


def sums(world: World, name: str = "month") -> tuple[int, int, int]:
    sql = "select reserved_micro, spent_micro, overrun_micro from budgets"
    found: tuple[int, int, int] = world.one(
        sql + " where tenant_id = %s and budget_id = %s", world.tenant, name
    )
    return found


def costing(cost: int) -> Finish:
    usage = Usage(cost_micro=cost, input=3)
    return Finish(outcome=Judged(verdict=Verdict.ACCEPT, usage=usage), output=b"1")


def test_an_allowance_is_reserved_in_every_budget_and_the_rest_goes_back(world: World) -> None:
    budget(world, 100)
    budget(world, 50, "team")
    job = world.submit(allowance=40, hold=30)
    assert (sums(world), sums(world, "team")) == ((40, 0, 0), (40, 0, 0))
    claimed = world.claim(job)
    assert world.job(job, MONEY) == (40, 30, 0)
    world.record(claimed, costing(7))
    assert world.job(job, MONEY) == (40, 0, 7)
    assert (sums(world), sums(world, "team")) == ((0, 7, 0), (0, 7, 0))


def test_a_job_that_no_budget_can_pay_for_is_not_admitted(world: World) -> None:
    budget(world, 100)
    budget(world, 50, "team")
    world.submit(allowance=40)
    with pytest.raises(BudgetExceeded, match="team"):
        world.submit(allowance=40)
    assert (sums(world), sums(world, "team")) == ((40, 0, 0), (40, 0, 0))
    assert world.one("select count(*) from jobs where tenant_id = %s", world.tenant) == 1


def test_what_cost_more_than_was_held_is_booked_and_not_the_next_ones_to_spend(
    world: World,
) -> None:
    budget(world, 100)
    world.record(world.claim(world.submit(allowance=10, hold=5)), costing(60))
    assert sums(world) == (0, 60, 50)
    with pytest.raises(BudgetExceeded):
        world.submit(allowance=41)
    world.submit(allowance=40)


def test_a_step_that_the_allowance_cannot_pay_for_pauses_its_job(world: World) -> None:
    world.end_all()
    budget(world, 100)
    job = world.submit(allowance=10, hold=11)
    other = world.submit(allowance=10, hold=10)
    claimed = world.claims.next([Lane.PLAN])
    assert claimed is not None
    assert claimed.job_id == other
    assert (world.status(job), world.job(job, "status_detail")) == ("paused", "budget")
    world.one("update jobs set allowance_micro = 20 where job_id = %s", job)
    assert world.control("resume_job", job) == "queued"
    world.claim(job)
    world.cancel(job)


def test_nothing_is_carried_that_the_allowance_cannot_pay_for(world: World) -> None:
    job = world.submit(allowance=10, hold=5)
    decision = Continue(outcome=replace(PLANNED, usage=Usage(cost_micro=6)), steps=(use(hold=5),))
    assert world.record(world.claim(job), decision, carry=True).carried == 0
    assert world.claims.named(world.tenant, job, 1) is None
    assert world.status(job) == "paused"


def test_what_is_carried_is_held(world: World) -> None:
    job = world.submit(allowance=10, hold=5)
    decision = Continue(outcome=replace(PLANNED, usage=Usage(cost_micro=4)), steps=(use(hold=6),))
    assert world.record(world.claim(job), decision, carry=True).carried == 1
    assert world.job(job, MONEY) == (10, 6, 4)
    world.cancel(job)


def test_a_failed_attempt_settles_what_it_cost_and_a_lost_one_all_it_held(world: World) -> None:
    job = world.submit(allowance=100, hold=30)
    again = TryAgain(delay=AGAIN.delay, code="x", message="", cost_micro=4)
    world.record(world.claim(job), again)
    assert world.job(job, MONEY) == (100, 0, 4)
    lost = world.claim(job)
    world.expire(lost)
    world.sweeps.expired()
    assert world.job(job, MONEY) == (100, 0, 34)
    new = world.claim(job)
    world.record(lost, again)
    assert world.job(job, MONEY) == (100, 30, 34)
    assert world.records.stand_down(new) == "ready"
    assert world.job(job, MONEY) == (100, 0, 34)


def test_who_lost_the_fence_books_nothing_in_a_job_that_is_paused(world: World) -> None:
    job = world.submit(allowance=100, hold=30)
    lost = world.claim(job)
    world.pause(job)
    world.expire(lost)
    world.sweeps.expired()
    world.record(lost, replace(AGAIN, cost_micro=9))
    assert world.job(job, MONEY) == (100, 0, 30)


def test_what_canceled_siblings_held_is_booked_when_a_record_ends_the_job(world: World) -> None:
    budget(world, 1_000)
    job = world.submit(allowance=100)
    world.plan(job, use(hold=20), use(hold=30))
    first, _ = world.claim(job, 1), world.claim(job, 2)
    world.record(first, costing(5))
    assert world.job(job, MONEY) == (100, 0, 35)
    assert sums(world) == (0, 35, 0)


def test_a_canceled_job_gives_back_what_it_did_not_use(world: World) -> None:
    budget(world, 100)
    idle, busy = world.submit(allowance=40), world.submit(allowance=40, hold=10)
    world.claim(busy)
    world.cancel(idle)
    assert sums(world) == (40, 0, 0)
    world.one("select stop_job(%s, %s, 'canceled', null, 'x', true)", world.tenant, busy)
    assert sums(world) == (0, 10, 0)
