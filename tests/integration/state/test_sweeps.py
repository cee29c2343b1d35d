"""Sweeping: leases that ran out, rings nobody heard, and who may sweep."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from agent_workers.domain.claim import Claimed, RecordResult
from agent_workers.domain.step import Lane
from agent_workers.state.steps.sweeps import Seen
from tests.integration.state.acting import allow
from tests.integration.state.invariants import broken
from tests.integration.state.world import FINISH, World


@pytest.fixture(autouse=True)
def _alone(world: World) -> Iterator[None]:
    """Sweeps see every tenant: nothing that other tests left is due, and all stays whole."""
    world.end_all()
    world.one("delete from suspicions")
    world.one("delete from workers")
    yield
    assert broken(world.database) == {}


def test_a_lease_that_ran_out_frees_a_step_of_any_class(world: World) -> None:
    claimed = world.acting()
    allow(world, claimed)
    assert world.sweeps.expired() == []
    world.expire(claimed)
    assert [due.position for due in world.sweeps.expired()] == [1]
    assert world.step(claimed.job_id, 1, "status, deaths, fence") == ("ready", 1, 1)
    assert world.claim(claimed.job_id, 1).fence == 2


def test_a_lease_that_ran_out_while_its_job_is_held_is_freed_later(world: World) -> None:
    job = world.submit()
    world.expire(world.claim(job))
    with world.database.transaction() as other:
        other.execute("select 1 from jobs where job_id = %s for no key update", (job,))
        assert world.sweeps.expired() == []
    assert len(world.sweeps.expired()) == 1


def test_a_step_that_is_freed_and_recorded_at_once_ends_one_way(world: World) -> None:
    for _ in range(20):
        job = world.submit()
        claimed = world.claim(job)
        world.expire(claimed)
        start = threading.Barrier(2)

        def free(start: threading.Barrier = start) -> bool:
            start.wait()
            return bool(world.sweeps.expired())

        def end(claimed: Claimed = claimed, start: threading.Barrier = start) -> bool:
            start.wait()
            return world.record(claimed, FINISH).result is RecordResult.RECORDED

        with ThreadPoolExecutor(2) as pool:
            freed, ended = pool.submit(free), pool.submit(end)
        assert ended.result() != freed.result()


def test_a_step_nobody_came_for_is_rung_for_again_ever_more_rarely(world: World) -> None:
    job = world.submit()
    assert world.sweeps.overdue([]) == []
    waits = []
    for rings in range(1, 9):
        world.one("update steps set ring_at = clock_timestamp() where job_id = %s", job)
        begun = world.now()
        (due,) = world.sweeps.overdue([])
        assert (due.rings, due.high) == (rings, rings > 1)
        waits.append(world.step(job, 0, "ring_at") - begun)
    for wait, seconds in zip(waits, (3, 6, 12, 24, 48, 96, 192, 384), strict=True):
        assert timedelta(0) <= wait - timedelta(seconds=seconds) < timedelta(seconds=2.5)


def test_a_young_step_waits_on_behind_a_queue_that_is_busy(world: World) -> None:
    young, old, recovered = world.submit(), world.submit(), world.submit()
    world.records.stand_down(world.claim(recovered))
    world.one("update steps set created_at = now() - interval '2 minutes' where job_id = %s", old)
    sql = "update steps set ring_at = clock_timestamp() where status = 'ready'"
    world.one(sql)
    assert {due.job_id for due in world.sweeps.overdue([Lane.PLAN])} == {old, recovered}
    world.one(sql)
    assert {due.job_id for due in world.sweeps.overdue([Lane.TOOL])} == {young, old, recovered}


def test_only_one_of_many_sweeps_at_a_time_and_the_others_do_not_wait(world: World) -> None:
    job = world.submit()
    world.one("update steps set ring_at = clock_timestamp() where job_id = %s", job)
    with world.database.transaction() as somebody:
        assert somebody.execute("select may_sweep('rings')").fetchone() == (True,)
        assert world.sweeps.overdue([]) == []
        assert world.sweeps.expired() == []
    assert [due.job_id for due in world.sweeps.overdue([])] == [job]


def test_the_next_sweep_is_due_when_the_first_of_all_things_is(world: World) -> None:
    job = world.submit(deadline=timedelta(seconds=1))
    seen = look(world)
    assert seen.ring_at == world.step(job, 0, "ring_at")
    assert seen.next_in_s is not None
    assert seen.next_in_s <= 1
    claimed = world.claim(job)
    seen = look(world)
    assert (seen.ring_at, seen.lease_until) == (None, None)  # it runs out after minutes
    assert seen.timer_at is not None
    world.expire(claimed)
    seen = look(world)
    assert seen.is_due(seen.lease_until)
    assert seen.next_in_s is not None
    assert seen.next_in_s < 0


def look(world: World) -> Seen:
    return world.sweeps.look(worker_id=world.worker, host="h")
