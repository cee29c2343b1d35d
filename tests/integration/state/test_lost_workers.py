"""Workers whose lock is gone: what is freed, when, and whether it was a death."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import pytest

from agent_workers.domain.effect import EffectClass, Says
from agent_workers.domain.ids import JobId, WorkerId, effect_key
from agent_workers.state.steps.workers import DeadMan, Process
from tests.integration.state.acting import allow, effect, say
from tests.integration.state.invariants import broken
from tests.integration.state.world import World, use

CLASSES = list(EffectClass)


@pytest.fixture(autouse=True)
def _alone(world: World) -> Iterator[None]:
    """Sweeps see every tenant: nothing that other tests left is due, and all stays whole."""
    world.end_all()
    world.one("delete from suspicions")
    world.one("delete from workers")
    yield
    assert broken(world.database) == {}


def process(worker: WorkerId, host: str = "h") -> Process:
    return Process(worker_id=worker, host=host, pid=7, pid_started=1, lanes="tool")


@contextmanager
def alive(world: World, host: str = "h") -> Iterator[DeadMan]:
    man = DeadMan(world.database.url, process(world.worker, host))
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


def lost_for(world: World, seconds: float) -> None:
    """See that the lock is gone, and let this time pass."""
    world.sweeps.lost([])
    world.one(
        "update workers set lost_at = clock_timestamp() - make_interval(secs => %s)"
        " where lost_at is not null",
        seconds,
    )


def one_of_each(world: World, *, acting: EffectClass | None = None) -> JobId:
    """A job with a claimed tool step of every class, and the lock of their worker is gone."""
    job = world.submit()
    with alive(world):
        world.plan(job, *map(use, CLASSES))
        for i, cls in enumerate(CLASSES):
            claimed = world.claim(job, 1 + i)
            if cls is acting:
                allow(world, claimed)
    wait_until_unlocked(world)
    return job


def test_a_worker_that_holds_its_lock_keeps_its_steps(world: World) -> None:
    job = world.submit()
    with alive(world) as man:
        world.claim(job)
        assert not man.hold()
        assert world.sweeps.lost([]) == []
        assert world.one("select lost_at from workers") is None


def test_a_lost_lock_frees_what_has_no_permit_after_a_second_whatever_its_class(
    world: World,
) -> None:
    job = one_of_each(world)
    lost_for(world, 0.9)
    assert world.sweeps.lost([]) == []
    lost_for(world, 1.1)
    freed = world.sweeps.lost([])
    assert {due.position for due in freed} == {1 + i for i in range(len(CLASSES))}
    assert all(due.high for due in freed)
    assert world.steps(job) == ["done", *["ready"] * len(CLASSES)]
    assert world.one("select max(deaths) from steps where job_id = %s", job) == 0
    assert world.journal(job).count("step.recovered") == len(CLASSES)


@pytest.mark.parametrize("cls", [EffectClass.RECONCILABLE, EffectClass.UNSAFE])
def test_what_may_still_be_acting_is_not_freed_while_nobody_knows_that_its_worker_is_dead(
    world: World, cls: EffectClass
) -> None:
    with alive(world):
        claimed = world.acting(cls)
        allow(world, claimed)
    wait_until_unlocked(world)
    lost_for(world, 9)
    assert world.sweeps.lost([]) == []
    assert len(world.sweeps.lost([world.worker])) == 1
    assert effect(world, claimed) == "intended"


def test_a_permit_that_is_being_granted_keeps_its_step(world: World) -> None:
    with alive(world):
        claimed = world.acting(EffectClass.UNSAFE)
    wait_until_unlocked(world)
    lost_for(world, 2)
    with world.permits.transaction() as connection:
        world.permits.ask(connection, claimed, effect_key(claimed.root_id, 1), claimed.arguments)
        assert world.sweeps.lost([]) == []
    assert len(world.sweeps.lost([])) == 1


def test_a_worker_that_came_back_within_its_grace_lost_nothing(world: World) -> None:
    job = world.submit(allowance=100, hold=40)
    with alive(world):
        world.claim(job)
    wait_until_unlocked(world)
    lost_for(world, 0.5)
    with alive(world):
        assert world.sweeps.lost([]) == []
        assert world.one("select lost_at is null from workers") is True
    assert world.step(job, 0, "status, deaths, fence") == ("claimed", 0, 1)
    assert world.job(job, "held_micro, spent_micro") == (40, 0)


def test_a_worker_that_came_back_later_did_not_die(world: World) -> None:
    job = world.submit()
    with alive(world):
        world.claim(job)
    wait_until_unlocked(world)
    lost_for(world, 5)
    assert len(world.sweeps.lost([])) == 1
    with alive(world):
        world.sweeps.lost([])
    wait_until_unlocked(world)
    lost_for(world, 11)
    world.sweeps.lost([])
    assert world.step(job, 0, "deaths") == 0
    assert world.one("select count(*) from workers") == 0


def test_a_worker_that_stays_away_died_and_is_forgotten(world: World) -> None:
    job = world.submit()
    with alive(world):
        world.claim(job)
    wait_until_unlocked(world)
    lost_for(world, 2)
    world.sweeps.lost([])
    assert world.step(job, 0, "status, deaths") == ("ready", 0)
    lost_for(world, 11)
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


def test_a_death_is_that_of_the_steps_that_acted(world: World) -> None:
    acting = EffectClass.KEYED
    job = one_of_each(world, acting=acting)
    world.sweeps.lost([world.worker])
    blamed = {EffectClass.PURE, EffectClass.TRANSACTIONAL, acting}
    deaths = [world.step(job, 1 + i, "deaths") for i in range(len(CLASSES))]
    assert deaths == [1 if cls in blamed else 0 for cls in CLASSES]


def test_a_permit_that_has_its_evidence_acts_no_more(world: World) -> None:
    job = world.submit()
    with alive(world):
        world.plan(job, use(EffectClass.KEYED), use(EffectClass.KEYED))
        said, silent = world.claim(job, 1), world.claim(job, 2)
        for claimed in (said, silent):
            allow(world, claimed)
        say(world, said, Says.UNKNOWN)
    wait_until_unlocked(world)
    world.sweeps.lost([world.worker])
    assert [world.step(job, n, "deaths") for n in (1, 2)] == [0, 1]


def test_where_no_step_acted_all_are_suspected(world: World) -> None:
    job = world.submit()
    with alive(world):
        world.plan(job, use(EffectClass.UNSAFE), use(EffectClass.KEYED))
        world.claim(job, 1)
        world.claim(job, 2)
    wait_until_unlocked(world)
    world.sweeps.lost([world.worker])
    assert [world.step(job, n, "deaths") for n in (1, 2)] == [1, 1]


@pytest.mark.parametrize("sign", ["restarted", "crashed", "two hosts"])
def test_workers_have_five_seconds_where_more_than_one_of_them_was_lost(
    world: World, sign: str
) -> None:
    job = world.submit()
    with alive(world):
        world.claim(job)
    wait_until_unlocked(world)
    if sign == "restarted":
        world.one("update workers set locked_at = pg_postmaster_start_time() - interval '1 second'")
    elif sign == "crashed":
        world.one("delete from incarnations")
    else:
        with alive(World(world.database, world.tenant), "another"):
            pass
    lost_for(world, 4.5)
    assert world.sweeps.lost([]) == []
    lost_for(world, 5.5)
    assert len(world.sweeps.lost([])) == 1


def test_two_processes_of_one_host_vanish_together_when_it_is_lost(world: World) -> None:
    job = world.submit()
    with alive(world), alive(World(world.database, world.tenant)):
        world.claim(job)
    wait_until_unlocked(world)
    lost_for(world, 1.5)
    assert len(world.sweeps.lost([])) == 1


def test_a_negative_lock_key_is_recognised_too(world: World) -> None:
    high = WorkerId(type(uuid4())(int=(0x8000_0001 << 32) + 5))
    assert process(high).lock_key < 0
    man = DeadMan(world.database.url, process(high))
    man.hold()
    world.sweeps.lost([])
    assert world.one("select lost_at is null from workers") is True
    man.let_go()
