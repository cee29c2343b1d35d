"""Submissions, ends and cancels of one session at the same moment: no turn is lost or doubled."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier
from uuid import UUID

import pytest

from agent_workers.domain.errors import SessionBusy
from agent_workers.domain.ids import JobId
from agent_workers.domain.session import OnBusy
from tests.integration.state.invariants import broken
from tests.integration.state.world import FINISH, World

ROUNDS = 60
PATIENCE_S = 30.0


@pytest.fixture(autouse=True)
def _whole(world: World) -> Iterator[None]:
    yield
    assert broken(world.database) == {}


def together(*acts: Callable[[], object]) -> list[object]:
    """Do these at the same moment, and let none of them have failed."""
    barrier = Barrier(len(acts))

    def act(one: Callable[[], object]) -> object:
        barrier.wait()
        return one()

    with ThreadPoolExecutor(len(acts)) as threads:
        return [future.result() for future in [threads.submit(act, one) for one in acts]]


def until_somebody_waits(world: World) -> None:
    until = time.monotonic() + PATIENCE_S
    while not world.somebody_waits():
        assert time.monotonic() < until
        time.sleep(0.005)


def test_a_job_that_comes_as_the_one_before_it_ends_has_its_turn_at_once(world: World) -> None:
    claimed = world.claim(world.submit(session="one"))
    for _ in range(ROUNDS):
        _, came = together(
            partial(world.record, claimed, FINISH), partial(world.submit, session="one")
        )
        assert isinstance(came, UUID)
        found = world.claims.named(world.tenant, JobId(came), 0)
        assert found is not None, "nobody gave the turn on, and no keeper had looked"
        claimed = found
    world.record(claimed, FINISH)


def test_jobs_that_come_together_run_in_one_order_each_once(world: World) -> None:
    came = together(*(partial(world.submit, session="many") for _ in range(12)))
    jobs = [JobId(job) for job in came if isinstance(job, UUID)]
    order: list[JobId] = []
    while len(order) < len(jobs):
        mine = [world.claims.named(world.tenant, job, 0) for job in jobs]
        running = [one for one in mine if one is not None]
        assert len(running) == 1
        order.append(running[0].job_id)
        world.record(running[0], FINISH)
    assert sorted(order) == sorted(jobs)


def test_of_jobs_that_would_not_wait_one_is_taken(world: World) -> None:
    def dare() -> bool:
        try:
            world.submit(session="shy", on_busy=OnBusy.REJECT)
        except SessionBusy:
            return False
        return True

    assert together(*[dare] * 8).count(True) == 1


def test_a_turn_that_passes_as_the_next_job_is_canceled_goes_to_the_one_behind(
    world: World,
) -> None:
    for number in range(ROUNDS // 2):
        session = f"canceled {number}"
        first, second, third = (world.submit(session=session) for _ in range(3))
        claimed = world.claim(first)
        together(partial(world.record, claimed, FINISH), partial(world.cancel, second))
        world.one("select keep_sessions(100)")
        world.record(world.claim(third), FINISH)


def test_who_interrupts_as_everything_ends_still_has_a_turn(world: World) -> None:
    claimed = world.claim(world.submit(session="rude"))
    for _ in range(ROUNDS // 2):
        came, *_ = together(
            partial(world.submit, session="rude", on_busy=OnBusy.INTERRUPT),
            partial(world.record, claimed, FINISH),
            world.sweeps.deadlines,
        )
        world.sweeps.deadlines()
        assert isinstance(came, UUID)
        claimed = world.claim(JobId(came))
    world.record(claimed, FINISH)


def test_who_interrupts_a_job_that_is_about_to_end_does_not_wait_for_its_end(
    world: World,
) -> None:
    world.one("insert into budgets values (%s, 'all', 1000)", world.tenant)
    first = world.submit(session="again", allowance=10)
    world.submit(session="again", on_busy=OnBusy.INTERRUPT)
    with ThreadPoolExecutor(1) as threads:
        with world.database.transaction() as other:
            other.execute("select 1 from budgets where tenant_id = %s for update", (world.tenant,))
            canceled = threads.submit(world.cancel, first)
            until_somebody_waits(world)
            # Its timers are gone, and its session is what it wants next.
            third = world.submit(session="again", on_busy=OnBusy.INTERRUPT)
        assert canceled.result() == "canceled"
    world.sweeps.deadlines()
    world.record(world.claim(third), FINISH)
