"""Events, waits and ends at the same moment: nobody deadlocks, and no wake-up is lost."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from threading import Barrier

import pytest

from agent_workers.domain.claim import Claimed
from agent_workers.domain.decision import Park
from agent_workers.domain.wait import Wait, WaitKind
from agent_workers.state.steps.waits import Waits
from tests.integration.state.invariants import broken
from tests.integration.state.waiting import (
    child,
    child_id,
    engaging,
    event,
    know_agent,
    park,
    send,
    waited,
)
from tests.integration.state.world import FINISH, World, use

ROUNDS = 200
BREAKER = "tool:pay"


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


def test_an_event_and_the_wait_for_it_never_miss_each_other(world: World) -> None:
    for _ in range(ROUNDS):
        claimed = engaging(world)
        together(partial(park, world, claimed, event()), partial(send, world, claimed.job_id))
        again = world.claims.named(world.tenant, claimed.job_id, 1)
        assert again is not None, "the event came and nobody was woken"
        assert waited(world, again).answer == b"1"
        world.record(again, FINISH)


def test_two_jobs_that_send_to_each_other_and_wait_never_deadlock(world: World) -> None:
    one, other = (world.submit(max_steps=10_000) for _ in range(2))
    for job in (one, other):
        world.plan(job, *(use() for _ in range(40)))

    def correspond(mine: Claimed, theirs: Claimed) -> None:
        send(world, theirs.job_id, str(mine.position))
        park(world, mine, event(str(mine.position)))
        send(world, theirs.job_id, f"again {mine.position}")

    for position in range(1, 41):
        first, second = world.claim(one, position), world.claim(other, position)
        together(partial(correspond, first, second), partial(correspond, second, first))
        for claimed in (first, second):
            assert waited(world, world.claim(claimed.job_id, position)).answer == b"1"


def test_many_events_at_once_are_numbered_and_each_is_taken_once(world: World) -> None:
    job = world.submit()
    world.plan(job, *(use() for _ in range(20)))
    claimed = [world.claim(job, position) for position in range(1, 21)]
    sends = [partial(send, world, job, data=str(n).encode()) for n in range(20)]
    parks = [partial(park, world, one, event()) for one in claimed]
    for begin in range(0, 20, 5):
        together(*sends[begin : begin + 5], *parks[begin : begin + 5])
    answers = {waited(world, world.claim(job, one.position)).answer for one in claimed}
    assert answers == {str(n).encode() for n in range(20)}
    numbers = world.one(
        "select array_agg(number order by number) from messages where job_id=%s", job
    )
    assert numbers == list(range(1, 21))


def test_a_child_that_ends_as_its_parent_is_stopped_never_deadlocks(world: World) -> None:
    know_agent(world)
    for _ in range(50):
        wait = child(timeout=timedelta(hours=1))
        claimed = engaging(world, allowance=1_000)
        park(world, claimed, wait)
        step = world.claim(child_id(wait))
        together(
            partial(world.record, step, FINISH),
            partial(world.cancel, claimed.job_id),
            world.sweeps.deadlines,
        )
        world.sweeps.deadlines()
        assert world.status(claimed.job_id) == "canceled"
        assert world.status(child_id(wait)) in {"succeeded", "canceled"}


def test_a_step_that_parks_again_as_it_is_woken_never_deadlocks(world: World) -> None:
    breaker = Wait(kind=WaitKind.BREAKER, key=BREAKER, timeout=timedelta(0))
    waits = Waits(world.database)
    job = world.submit()
    world.plan(job, *(use() for _ in range(8)))
    for position in range(1, 9):
        world.record(world.claim(job, position), Park(wait=breaker))
    for _ in range(40):
        held = [world.claim(job, position) for position in range(1, 9)]
        together(
            *(partial(world.record, one, Park(wait=breaker)) for one in held[:4]),
            lambda: waits.wake(world.tenant, WaitKind.BREAKER, BREAKER, b"1"),
        )
        for one in held[4:]:
            world.record(one, Park(wait=breaker))
