"""Calls for which nothing is held: their worst case is written before them, and booked if they are lost."""

from dataclasses import replace

import pytest

from agent_workers.domain.budget import Usage
from agent_workers.domain.decision import Finish
from agent_workers.domain.errors import FenceLost
from agent_workers.domain.step import Judged, Verdict
from agent_workers.state.steps.calls import Calls
from tests.integration.state.invariants import broken
from tests.integration.state.test_budgets import MONEY, budget, sums
from tests.integration.state.world import AGAIN, World


@pytest.fixture(autouse=True)
def _whole(world: World):
    yield
    assert broken(world.database) == {}


@pytest.fixture
def calls(world: World) -> Calls:
    return Calls(world.database)


def costing(cost: int) -> Finish:
    judged = Judged(verdict=Verdict.ACCEPT, usage=Usage(cost_micro=cost))
    return Finish(outcome=judged, output=b"1")


def test_a_call_that_is_recorded_costs_what_it_cost(world: World, calls: Calls) -> None:
    job = world.submit()
    claimed = world.claim(job)
    assert calls.begin(claimed, 500)
    assert calls.begin(claimed, 300)
    assert (world.job(job, MONEY), calls.begun_micro(claimed)) == ((0, 800, 0), 800)
    world.record(claimed, costing(7))
    assert world.job(job, MONEY) == (0, 0, 7)


def test_a_call_that_died_with_its_worker_is_booked_at_its_worst(
    world: World, calls: Calls
) -> None:
    job = world.submit()
    lost = world.claim(job)
    calls.begin(lost, 500)
    world.expire(lost)
    world.sweeps.expired()
    assert world.job(job, MONEY) == (0, 0, 500)
    again = world.claim(job)
    assert calls.begun_micro(again) == 0
    world.record(again, costing(7))
    assert world.job(job, MONEY) == (0, 0, 507)


def test_a_failed_attempt_and_one_that_is_given_back_hold_nothing_more(
    world: World, calls: Calls
) -> None:
    job = world.submit()
    claimed = world.claim(job)
    calls.begin(claimed, 500)
    world.record(claimed, replace(AGAIN, cost_micro=4))
    assert world.job(job, MONEY) == (0, 0, 4)
    claimed = world.claim(job)
    calls.begin(claimed, 500)
    assert world.records.stand_down(claimed) == "ready"
    assert world.job(job, MONEY) == (0, 0, 4)


def test_a_job_that_is_ended_meanwhile_books_the_call_at_its_worst(
    world: World, calls: Calls
) -> None:
    job = world.submit()
    calls.begin(world.claim(job), 500)
    world.one("select stop_job(%s, %s, 'canceled', null, 'x', true)", world.tenant, job)
    assert world.job(job, MONEY) == (0, 0, 500)


def test_who_lost_the_step_may_not_begin_a_call(world: World, calls: Calls) -> None:
    job = world.submit()
    lost = world.claim(job)
    world.expire(lost)
    world.sweeps.expired()
    with pytest.raises(FenceLost):
        calls.begin(lost, 500)
    assert world.job(job, MONEY) == (0, 0, 0)


def test_a_call_that_a_budget_cannot_pay_for_is_not_made(world: World, calls: Calls) -> None:
    budget(world, 1_000)
    job = world.submit()
    claimed = world.claim(job)
    assert not calls.begin(claimed, 1_001)
    assert calls.begin(claimed, 600)
    assert not calls.begin(claimed, 600)
    assert sums(world)[0] <= 1_000
    world.record(claimed, costing(500))
    assert sums(world) == (0, 500, 0)
