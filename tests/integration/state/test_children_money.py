"""What a job that another one starts may spend: part of what that one has, and enough to begin."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

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
from tests.integration.state.world import World, use


@pytest.fixture(autouse=True)
def _whole(world: World) -> Iterator[None]:
    know_agent(world)
    yield
    assert broken(world.database) == {}


def test_a_child_gets_no_more_than_its_parent_has_left(world: World) -> None:
    claimed = engaging(world, allowance=1_000)
    assert park(world, claimed, child(1_001)).status == "running"
    found = waited(world, world.claim(claimed.job_id, 1))
    assert b'"budget"' in (found.answer or b"")
    assert money(world, claimed.job_id) == (0, 0)
    assert world.one("select count(*) from jobs where parent_id = %s", claimed.job_id) == 0


@pytest.mark.parametrize(("asked", "allowance"), [(4, 1_000), (4, 0), (None, 4)])
def test_a_child_that_could_not_pay_for_its_first_plan_is_not_started(
    world: World, asked: int | None, allowance: int
) -> None:
    """It would be paused for want of money for ever, and its parent would wait for it."""
    claimed = engaging(world, allowance=allowance)
    assert park(world, claimed, child(asked)).status == "running"
    found = waited(world, world.claim(claimed.job_id, 1))
    assert b'"budget"' in (found.answer or b"")
    assert money(world, claimed.job_id) == (0, 0)
    assert world.one("select count(*) from jobs where parent_id = %s", claimed.job_id) == 0


def test_children_of_whom_nothing_was_said_share_what_is_left_but_for_a_reserve(
    world: World,
) -> None:
    job = world.submit(allowance=1_000)
    world.plan(job, *(replace(use(), tool="delegate") for _ in range(3)))
    shares = []
    for position in (1, 2, 3):
        wait = child(reserve=100)
        park(world, world.claim(job, position), wait)
        shares.append(world.job(child_id(wait), "allowance_micro"))
    assert shares == [300, 300, 300]
    assert money(world, job) == (900, 0)


def test_a_parent_without_an_allowance_gives_what_is_asked_or_no_limit(world: World) -> None:
    for asked, given in ((None, 0), (70, 70)):
        parent, job = started(world, child(asked))
        assert world.job(job, "allowance_micro") == given
        assert money(world, parent.job_id) == (0, 0)


def test_a_child_whose_money_runs_out_fails_and_tells_its_parent(world: World) -> None:
    """Nobody can add to it, so that a pause would be for ever."""
    parent, job = started(world, child(10), allowance=1_000)
    world.one("update jobs set spent_micro = 6 where job_id = %s", job)
    assert world.claims.named(world.tenant, job, 0) is None
    assert job in world.sweeps.deadlines()
    assert world.status(job) == "failed"
    assert b"budget_spent" in bytes(world.job(job, "error"))
    go_on(world, parent)
    assert money(world, parent.job_id) == (0, 6)
    assert "child_failed" in world.step(parent.job_id, 1, "outcome").decode()
