"""Sweeping: lost workers, leases that ran out, rings nobody heard, and who may sweep."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from uuid import uuid4

import pytest

from agent_workers.domain.claim import Claimed, RecordResult
from agent_workers.domain.effect import EffectClass
from agent_workers.domain.ids import WorkerId
from agent_workers.domain.step import Lane
from agent_workers.state.sweeps import Seen
from agent_workers.state.workers import DeadMan, Process, Workers
from tests.integration.state.acting import allow
from tests.integration.state.invariants import broken
from tests.integration.state.world import FINISH, World, use


@pytest.fixture(autouse=True)
def _alone(world: World) -> Iterator[None]:
    """Sweeps see every tenant: nothing that other tests left is due, and all stays whole."""
    world.end_all()
    world.one("delete from suspicions")
    world.one("delete from workers")
    yield
    assert broken(world.database) == {}


def process(worker: WorkerId) -> Process:
    return Process(worker_id=worker, host="h", pid=7, pid_started=1, lanes="tool")


@contextmanager
def alive(world: World) -> Iterator[DeadMan]:
    man = DeadMan(world.database.url, process(world.worker))
    assert man.hold()
    yield man
    man.let_go()


def wait_until_unlocked(world: World) -> None:
    """A server process takes a moment to notice that its client hung up."""
    key = process(world.worker).lock_key
    for _ in range(500):
        if world.one("select pg_try_advisory_lock(%s) and pg_advisory_unlock(%s)", key, key):
            return
        threading.Event().wait(0.01)
    raise AssertionError("the lock is still held")


def test_a_worker_that_holds_its_lock_keeps_its_steps(world: World) -> None:
    job = world.submit()
    with alive(world) as man:
        world.claim(job)
        assert not man.hold()
        assert world.sweeps.lost([]) == []
        assert world.one("select lost_at from workers") is None


def test_a_lost_lock_frees_what_is_safe_to_repeat_at_once(world: World) -> None:
    job = world.submit()
    classes = list(EffectClass)
    with alive(world):
        world.plan(job, *map(use, classes))
        for i in range(len(classes)):
            world.claim(job, 1 + i)
    wait_until_unlocked(world)
    freed = world.sweeps.lost([])
    safe = {EffectClass.PURE, EffectClass.KEYED, EffectClass.TRANSACTIONAL}
    assert {due.position for due in freed} == {1 + classes.index(cls) for cls in safe}
    assert all(due.high for due in freed)
    expected = ["ready" if cls in safe else "claimed" for cls in classes]
    assert world.steps(job) == ["done", *expected]
    assert world.one("select max(deaths) from steps where job_id = %s", job) == 0
    assert world.journal(job).count("step.recovered") == 3


def test_a_lost_lock_is_a_death_only_if_the_worker_does_not_come_back(world: World) -> None:
    job = world.submit()
    with alive(world):
        world.claim(job)
    wait_until_unlocked(world)
    world.sweeps.lost([])
    with alive(world):
        world.one(
            "update workers set lost_at = now() - interval '1 hour' where lost_at is not null"
        )
        world.sweeps.lost([])
    wait_until_unlocked(world)
    world.sweeps.lost([])
    world.one("update workers set lost_at = now() - interval '11 seconds'")
    world.sweeps.lost([])
    assert world.step(job, 0, "deaths") == 0
    assert world.one("select count(*) from workers") == 0


def test_a_worker_that_stays_away_died_and_is_forgotten(world: World) -> None:
    job = world.submit()
    with alive(world):
        world.claim(job)
    wait_until_unlocked(world)
    world.sweeps.lost([])
    assert world.step(job, 0, "deaths") == 0
    world.one("update workers set lost_at = now() - interval '11 seconds'")
    world.sweeps.lost([])
    assert world.step(job, 0, "deaths") == 1
    assert world.one("select count(*) from workers") == 0
    assert world.one("select count(*) from suspicions") == 0


def test_a_worker_that_is_known_to_be_gone_died_at_once(world: World) -> None:
    job = world.submit()
    with alive(world):
        world.claim(job)
    wait_until_unlocked(world)
    world.sweeps.lost([world.worker])
    assert world.step(job, 0, "status, deaths") == ("ready", 1)


def test_no_worker_is_lost_right_after_postgres_itself_restarted(world: World) -> None:
    job = world.submit()
    with alive(world):
        world.claim(job)
    wait_until_unlocked(world)
    world.one("update workers set locked_at = pg_postmaster_start_time() - interval '1 second'")
    grace = "select count(*) from free_lost(%s::interval, '{}', 3)"
    assert world.one(grace, timedelta(days=1)) == 0
    assert world.one(grace, timedelta(0)) == 1


def test_workers_of_a_host_are_known_until_they_leave(world: World) -> None:
    workers = Workers(world.database)
    with alive(world):
        assert look(world).neighbours == [(world.worker, 7, 1)]
        workers.leave(world.worker)
        assert look(world).neighbours == []


def test_a_negative_lock_key_is_recognised_too(world: World) -> None:
    high = WorkerId(type(uuid4())(int=(0x8000_0001 << 32) + 5))
    assert process(high).lock_key < 0
    man = DeadMan(world.database.url, process(high))
    man.hold()
    world.sweeps.lost([])
    assert world.one("select lost_at is null from workers") is True
    man.let_go()


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
