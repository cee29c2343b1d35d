"""Waking what waits for a breaker: a few at a time, once each, and never in anybody's way."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from agent_workers.domain.agents.version import EVERYBODY
from agent_workers.domain.breaker import Breaker, BreakerState
from agent_workers.domain.ids import JobId, TenantId
from agent_workers.governance import breakers as rules
from agent_workers.orchestration.steps.recover import parked
from agent_workers.state.catalogue.breakers import BreakerRows
from agent_workers.state.database.engine import Database
from tests.integration.state.world import World

PAY, OF_ALL = "tool:pay", ("tool:pay", EVERYBODY)


@pytest.fixture
def rows(database: Database) -> BreakerRows:
    with database.connection() as connection:
        connection.execute("truncate breakers")
        connection.execute(
            "update waits set answer = '{}', answered_at = now() where answer is null"
        )
    return BreakerRows(database)


def park(world: World) -> JobId:
    claimed = world.acting()
    world.record(claimed, parked(PAY, jitter=0.5))
    return claimed.job_id


def put(rows: BreakerRows, state: BreakerState, tenant_id: TenantId = EVERYBODY) -> Breaker:
    seen = rows.see(PAY, tenant_id)
    wanted = rules.closed(seen.breaker, seen.now)
    if state is BreakerState.OPEN:
        wanted = rules.let_go(seen.breaker, seen.now)
    written = rows.swap(seen.breaker, wanted)
    assert written is not None
    return written


def neighbour(world: World) -> World:
    return World(world.database, TenantId(f"{world.tenant}-neighbour"))


def waiting(world: World) -> int:
    count: int = world.one("select count(*) from waits where answered_at is null")
    return count


def test_a_parked_step_used_up_nothing_and_holds_nothing(world: World, rows: BreakerRows) -> None:
    job = park(world)
    assert world.status(job) == "waiting"
    assert world.one(
        "select status, tries, lease_until, due_at > now() + interval '10 minutes' from steps"
        " where job_id = %s and position = 1",
        job,
    ) == ("ready", 0, None, True)
    put(rows, BreakerState.CLOSED)
    assert [seen.parked for seen in rows.troubled()] == [True]


def test_an_open_breaker_wakes_one_step_to_probe_it(world: World, rows: BreakerRows) -> None:
    jobs = [park(world) for _ in range(3)]
    put(rows, BreakerState.OPEN)
    [due] = rows.wake(*OF_ALL)
    assert due.job_id == jobs[0]
    assert world.claim(jobs[0], 1).tries == 0
    assert list(rows.wake(*OF_ALL)) == []  # not again within a second, whoever asks
    assert waiting(world) == 2


def test_a_closed_breaker_lets_go_more_of_them_every_second(
    world: World, rows: BreakerRows
) -> None:
    for _ in range(130):
        park(world)
    put(rows, BreakerState.CLOSED)
    first = len(rows.wake(*OF_ALL))
    assert 50 <= first <= 60
    assert 70 <= waiting(world) <= 80
    time.sleep(1.05)
    woken = len(rows.wake(*OF_ALL))
    assert 50 <= woken <= 80
    assert waiting(world) == 0  # the rest are due within the second
    latest = "select max(due_at) < now() + interval '2 seconds' from steps where tenant_id = %s"
    assert world.one(latest + " and status = 'ready'", world.tenant)


def test_a_closed_breaker_lets_the_steps_of_each_tenant_go_on(
    world: World, rows: BreakerRows
) -> None:
    for _ in range(70):
        park(world)
    other = neighbour(world)
    job = park(other)
    put(rows, BreakerState.CLOSED)
    woken = rows.wake(*OF_ALL)
    assert job in {due.job_id for due in woken}
    assert len(woken) <= 40  # nobody has more than an even share of them


def test_a_tenants_breaker_wakes_its_own_steps_only(world: World, rows: BreakerRows) -> None:
    others, mine = park(neighbour(world)), park(world)
    put(rows, BreakerState.CLOSED, world.tenant)
    assert [due.job_id for due in rows.wake(PAY, world.tenant)] == [mine]
    put(rows, BreakerState.CLOSED)
    assert [due.job_id for due in rows.wake(*OF_ALL)] == [others]


def test_who_is_barred_by_a_breaker_of_its_own_is_not_woken_by_that_of_all(
    world: World, rows: BreakerRows
) -> None:
    park(world)
    seen = rows.see(PAY, world.tenant)
    rows.swap(seen.breaker, rules.opened_by_hand(seen.breaker, seen.now, reason="test"))
    for state in (BreakerState.OPEN, BreakerState.CLOSED):
        put(rows, state)
        assert list(rows.wake(*OF_ALL)) == []


def test_a_probe_for_all_is_made_by_whoever_did_not_make_the_last_one(
    world: World, rows: BreakerRows
) -> None:
    first, other = park(world), park(neighbour(world))
    before = put(rows, BreakerState.OPEN)
    now, soon = world.now(), timedelta(seconds=1)
    probe = rules.probing(before, now, by="me", tenant_id=world.tenant, holds=soon)
    taken = rows.swap(before, probe)
    assert taken is not None
    assert rows.swap(taken, rules.let_go(taken, now)) is not None
    assert [due.job_id for due in rows.wake(*OF_ALL)] == [other]
    assert world.status(first) == "waiting"


def test_what_was_canceled_is_passed_over_and_what_is_paused_goes_on_later(
    world: World, rows: BreakerRows
) -> None:
    canceled, paused, other = park(world), park(world), park(world)
    world.cancel(canceled)
    world.pause(paused)
    put(rows, BreakerState.CLOSED)
    assert [due.job_id for due in rows.wake(*OF_ALL)] == [other]
    assert waiting(world) == 0
    world.control("resume_job", paused)
    world.claim(paused, 1)


def test_a_step_that_is_held_is_not_waited_for(
    world: World, rows: BreakerRows, database: Database
) -> None:
    held, free = park(world), park(world)
    put(rows, BreakerState.CLOSED)
    with database.transaction() as other:
        other.execute("select 1 from steps where job_id = %s for update", (held,))
        assert [due.job_id for due in rows.wake(*OF_ALL)] == [free]


def test_waking_and_parking_again_never_deadlock(world: World, rows: BreakerRows) -> None:
    jobs = [park(world) for _ in range(6)]
    put(rows, BreakerState.CLOSED)
    ends_at = time.monotonic() + 3

    def wake() -> None:
        while time.monotonic() < ends_at:
            world.one("update breakers set woken_at = null")
            rows.wake(*OF_ALL)

    def park_again(job: JobId) -> None:
        due = "update steps set due_at = now() where job_id = %s and status = 'ready'"
        while time.monotonic() < ends_at:
            world.one(due, job)
            claimed = world.claims.named(world.tenant, job, 1)
            if claimed is not None:
                world.record(claimed, parked(PAY, jitter=0.0))

    with ThreadPoolExecutor(8) as pool:
        working = [pool.submit(wake) for _ in range(2)]
        working += [pool.submit(park_again, job) for job in jobs]
    assert [one.exception() for one in working] == [None] * 8
