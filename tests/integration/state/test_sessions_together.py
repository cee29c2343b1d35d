"""Submissions, ends and cancels of one session, also at the same moment: no turn is lost or doubled."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from threading import Barrier
from uuid import UUID

import pytest

from agent_workers.domain.decision import Continue, Park
from agent_workers.domain.effect import EffectClass, Says
from agent_workers.domain.errors import SessionBusy
from agent_workers.domain.ids import JobId
from agent_workers.domain.memory.session import OnBusy
from tests.integration.state.acting import allow, doubt, effect, say
from tests.integration.state.invariants import broken
from tests.integration.state.waiting import event
from tests.integration.state.world import AGAIN, FINISH, PLANNED, World, use

ROUNDS = 60
TALK = "talk"
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
    sql = "select array_agg(job_id order by turn) from session_turns where session_id = 'many'"
    assert order == world.one(sql)
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


def interrupt(world: World) -> JobId:
    return world.submit(session=TALK, on_busy=OnBusy.INTERRUPT)


def _poison(world: World, job: JobId) -> None:
    for _ in range(3):
        world.expire(world.claim(job))
        world.sweeps.expired()
    assert world.status(job) == "quarantined"


def _doubt(world: World, job: JobId) -> None:
    world.plan(job, use(EffectClass.UNSAFE))
    claimed = world.claim(job, 1)
    allow(world, claimed)
    doubt(world, claimed)
    assert world.status(job) == "in_doubt"


def _wait(world: World, job: JobId) -> None:
    world.plan(job, use())
    world.record(world.claim(job, 1), Park(wait=event(timeout=timedelta(days=1))))
    assert world.status(job) == "waiting"


def _run_out_of_money(world: World, job: JobId) -> None:
    world.one("update steps set hold_micro = 11 where job_id = %s", job)
    assert world.claims.named(world.tenant, job, 0) is None
    assert world.status(job) == "paused"


STATES: dict[str, Callable[[World, JobId], object]] = {
    "has just begun": World.claim,
    "is paused": World.pause,
    "is paused at work": lambda world, job: (world.claim(job), world.pause(job)),
    "is poisonous": _poison,
    "is in doubt": _doubt,
    "waits for an event": _wait,
    "cannot pay": _run_out_of_money,
    "is canceled at work": lambda world, job: (world.claim(job), world.cancel(job)),
}


@pytest.mark.parametrize("become", STATES.values(), ids=STATES.keys())
def test_whatever_became_of_a_job_who_interrupts_it_has_the_next_turn(
    world: World, become: Callable[[World, JobId], object]
) -> None:
    world.one("insert into budgets values (%s, 'all', 1000)", world.tenant)
    first = world.submit(session=TALK, allowance=10)
    become(world, first)
    second = interrupt(world)
    third = interrupt(world)
    world.sweeps.deadlines()
    assert [world.status(job) for job in (first, second)] == ["canceled", "canceled"]
    world.record(world.claim(third), FINISH)


def test_an_effect_that_may_be_happening_is_waited_for(world: World) -> None:
    first = world.submit(session=TALK)
    world.plan(first, use(EffectClass.UNSAFE))
    claimed = world.claim(first, 1)
    allow(world, claimed)
    second = interrupt(world)
    world.sweeps.deadlines()
    assert (world.status(first), world.claims.named(world.tenant, second, 0)) == ("canceling", None)
    say(world, claimed, Says.UNKNOWN)
    world.record(claimed, AGAIN)
    assert (world.status(first), effect(world, claimed)) == ("canceled", "in_doubt")
    world.record(world.claim(second), FINISH)


def test_a_job_of_too_many_steps_gives_its_turn_on(world: World) -> None:
    first, second = world.submit(session=TALK, max_steps=2), world.submit(session=TALK)
    world.record(world.claim(first), Continue(outcome=PLANNED, steps=(use(), use())))
    assert world.status(first) == "failed"
    world.record(world.claim(second), FINISH)


def test_a_long_session_is_forgotten_piece_by_piece(world: World) -> None:
    world.one("insert into sessions (tenant_id, session_id) values (%s, 'long')", world.tenant)
    world.one(
        "insert into session_messages (tenant_id, session_id, turn, part, message_id, role, content)"
        " select %s, 'long', n, 0, gen_random_uuid(), 'user', '1' from generate_series(1, 6000) n",
        world.tenant,
    )
    world.one("update sessions set used_at = '2000-01-01', look_at = '2000-01-01'")
    left = []
    for _ in range(2):
        world.one("select keep_sessions(100)")
        left.append(world.one("select count(*) from sessions where tenant_id = %s", world.tenant))
    assert left == [1, 0]


def test_a_turn_that_was_left_is_given_though_another_job_queues_up_before(world: World) -> None:
    first, second = world.submit(session=TALK), world.submit(session=TALK)
    claimed = world.claim(first)
    with world.database.transaction() as other:
        other.execute(
            "select 1 from steps where tenant_id = %s and job_id = %s for update",
            (world.tenant, second),
        )
        world.record(claimed, FINISH)
    third = world.submit(session=TALK)
    world.one("select keep_sessions(100)")
    world.record(world.claim(second), FINISH)
    world.record(world.claim(third), FINISH)
