"""A relay finds every journal entry, late ones too, and each job's in their order."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID, uuid4

import pytest

from agent_workers.domain.ids import JobId, TenantId
from agent_workers.domain.running.journal_tail import Entry
from agent_workers.state.database.diagnosis import Diagnosis
from agent_workers.state.database.engine import Connection, Database, connect
from agent_workers.state.jobs.relays import RelayMisplaced, Relays
from tests.integration.state.world import FINISH, JOIN, World, use

NOTE = "select note(%s, %s, %s, '{}')"
PATIENCE_S = 30.0
_NONE_OPEN = """
select pg_snapshot_xmin(seen)::text = pg_snapshot_xmax(seen)::text from pg_current_snapshot() seen"""


def relay(world: World, name: str = "", *, begin: str = "now") -> Relays:
    until_nobody_writes(world.database)
    made = Relays(world.database, name=name or uuid4().hex, holder=uuid4())
    made.open(begin=begin)
    assert made.hold(60)
    return made


def until_nobody_writes(database: Database) -> None:
    """What is younger than an open transaction is not told yet: even one of autovacuum's will do."""
    deadline = time.monotonic() + PATIENCE_S
    while not World(database, TenantId("any")).one(_NONE_OPEN):
        assert time.monotonic() < deadline, "an old transaction stays open"
        time.sleep(0.01)


def tell_all(relays: Relays, most: int = 1_000) -> list[Entry]:
    until_nobody_writes(relays._database)
    return tell_what_may_be_told(relays, most)


def tell_what_may_be_told(relays: Relays, most: int = 1_000) -> list[Entry]:
    told: list[Entry] = []
    while (found := relays.next(most)) is not None:
        told += found.entries
        assert relays.told(found)
    return told


def numbers(told: list[Entry], job: UUID) -> list[int]:
    return [one.number for one in told if one.job_id == job]


@contextmanager
def transaction(database: Database) -> Iterator[Connection]:
    with connect(database.url, name="test") as connection, connection.transaction():
        connection.execute("set local idle_in_transaction_session_timeout = 0")
        connection.execute("set local lock_timeout = 0")
        yield connection


def test_all_that_jobs_journal_is_told_once(world: World) -> None:
    relays = relay(world)
    job = world.submit()
    world.plan(job, use())
    world.record(world.claim(job, 1), JOIN)
    world.record(world.claim(job, 2), FINISH)
    told = tell_all(relays, most=2)
    assert [one.type for one in told if one.job_id == job] == world.journal(job)
    assert numbers(told, job) == list(range(1, len(world.journal(job)) + 1))
    assert tell_all(relays) == []


def test_an_entry_that_is_committed_late_is_not_skipped(world: World) -> None:
    relays = relay(world)
    late, early = world.submit(), world.submit()
    with transaction(world.database) as open_:
        open_.execute(NOTE, (world.tenant, late, "waiting"))
        world.one(NOTE, world.tenant, early, "waiting")  # begins later, commits first
        before = tell_what_may_be_told(relays)
    told = before + tell_all(relays)
    assert numbers(told, late) == [1, 2]
    assert numbers(told, early) == [1, 2]


def test_a_job_is_told_in_order_though_its_transactions_are_numbered_against_it(
    world: World,
) -> None:
    """The older transaction waits for the job's row, which the younger one writes first."""
    relays = relay(world)
    job, other = world.submit(), world.submit()
    tell_all(relays)
    with transaction(world.database) as blocker:  # keeps the horizon between the two
        with transaction(world.database) as older:
            older.execute(NOTE, (world.tenant, other, "waiting"))  # has its id now
            blocker.execute("select pg_current_xact_id()")
            world.one(NOTE, world.tenant, job, "first")
            older.execute(NOTE, (world.tenant, job, "second"))
        told = tell_what_may_be_told(relays)
        assert [one.type for one in told if one.job_id == job] == ["first", "second"]
    assert tell_all(relays) == []  # what was told early is not told again


def test_two_relays_of_one_name_never_tell_at_the_same_time(world: World) -> None:
    name = uuid4().hex
    first = relay(world, name)
    second = Relays(world.database, name=name, holder=uuid4())
    assert not second.hold(60)
    assert first.hold(0)  # a lease that has ended
    world.submit()
    until_nobody_writes(world.database)
    found = first.next(10)
    assert second.hold(60)
    assert found is not None
    assert not first.told(found)
    assert numbers(tell_all(second), found.entries[0].job_id) == [1]


def test_a_new_relay_begins_now_or_at_the_start(world: World) -> None:
    job = world.submit()
    assert numbers(tell_all(relay(world, begin="now")), job) == []
    assert numbers(tell_all(relay(world, begin="start")), job) == [1]


def test_a_relay_that_has_told_more_than_there_is_refuses_to_go_on(world: World) -> None:
    relays = relay(world, name := uuid4().hex)
    job = world.submit()
    world.one(NOTE, world.tenant, job, "waiting")
    older = "xact + (2::numeric ^ 60)::bigint"  # as a dump of a server that has done more brings
    world.one(f"update journal set xact = {older} where job_id = %s", job)
    world.one("update relays set told_xact = (2::numeric ^ 61)::bigint where name = %s", name)
    with pytest.raises(RelayMisplaced, match="--reposition"):
        relays.hold(60)
    until_nobody_writes(world.database)
    relays.open(begin="now", again=True)
    assert relays.hold(60)
    assert tell_all(relays) == []
    world.one(NOTE, world.tenant, job, "waiting")
    assert numbers(tell_all(relays), job) == [3]
    relays.open(begin="start", again=True)
    assert numbers(tell_all(relays, most=2), job) == [1, 2, 3]


def write(world: World, mine: list[JobId]) -> None:
    """Two jobs in each transaction, always in the same order, so that nobody deadlocks."""
    with connect(world.database.url, name="test") as connection:
        for turn in range(40):
            with connection.transaction():
                for job in sorted((mine[turn % 4], mine[(turn + 1) % 4])):
                    connection.execute(NOTE, (world.tenant, job, "waiting"))


def test_nothing_is_lost_or_out_of_order_while_many_write(world: World) -> None:
    relays = relay(world)
    jobs = [world.submit() for _ in range(12)]
    writers = [
        threading.Thread(target=write, args=(world, [jobs[(at + more) % 12] for more in range(4)]))
        for at in range(0, 12, 2)
    ]
    for writer in writers:
        writer.start()
    told: list[Entry] = []
    while any(writer.is_alive() for writer in writers):
        told += tell_what_may_be_told(relays, most=7)
    told += tell_all(relays)
    for job in jobs:
        assert numbers(told, job) == list(range(1, len(world.journal(job)) + 1))


def test_the_doctor_sees_how_far_a_relay_is_behind(world: World) -> None:
    world.one("delete from relays")
    relays = relay(world)
    world.submit()
    assert Diagnosis(world.database).events()[1] > 0
    tell_all(relays)
    assert Diagnosis(world.database).events() == (0, 0.0)
