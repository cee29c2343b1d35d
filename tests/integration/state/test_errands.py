"""What nobody waits for any more ends in the database too, and disturbs nobody else there."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from agent_workers.domain.errors import StateUnavailable
from agent_workers.state.database.engine import Connection, Database
from agent_workers.state.database.errand import Errand

_PID = "select pg_backend_pid()"
_IS_ASLEEP = "select 1 from pg_stat_activity where pid = %s and wait_event = 'PgSleep'"


@pytest.fixture
def small(database: Database) -> Iterator[Database]:
    opened = Database(database.url, pool_size=1)
    yield opened
    opened.close()


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as executor:
        yield executor


def pid_of(connection: Connection) -> int:
    row = connection.execute(_PID).fetchone()
    assert row is not None
    return int(row[0])


def until_asleep(database: Database, pid: int) -> None:
    deadline = time.monotonic() + 20
    with database.connection() as connection:
        while connection.execute(_IS_ASLEEP, (pid,)).fetchone() is None:
            assert time.monotonic() < deadline


def test_the_statement_of_an_ended_errand_is_cancelled(
    database: Database, small: Database, threads: ThreadPoolExecutor
):
    with small.connection() as connection:
        pid = pid_of(connection)

    def sleep() -> None:
        with small.connection() as connection:
            connection.execute("select pg_sleep(30)")

    errand = Errand(sleep)
    running = threads.submit(errand)
    until_asleep(database, pid)
    assert errand.end()
    with pytest.raises(StateUnavailable):
        running.result(20)


def held_up(work: Callable[[], None]) -> "tuple[Errand[None], threading.Event, threading.Event]":
    """An errand that has begun, and waits before it goes on with its work."""
    begun, go = threading.Event(), threading.Event()

    def errand() -> None:
        begun.set()
        assert go.wait(20)
        work()

    return Errand(errand), begun, go


def test_an_ended_errand_gets_no_connection(small: Database, threads: ThreadPoolExecutor):
    def use() -> None:
        with small.connection():
            raise AssertionError

    errand, begun, go = held_up(use)
    running = threads.submit(errand)
    assert begun.wait(20)
    assert errand.end()
    go.set()
    with pytest.raises(StateUnavailable):
        running.result(20)
    with small.connection():
        pass  # what it did not get is there for others


def test_a_connection_of_an_ended_errand_is_used_by_nobody_else(
    small: Database, threads: ThreadPoolExecutor
):
    pids = []

    def look() -> None:
        with small.connection() as connection:
            pids.append(pid_of(connection))
            errand.end()  # a cancel may still be on its way when the connection comes back

    errand = Errand(look)
    threads.submit(errand).result(20)
    with small.connection() as connection:
        assert pid_of(connection) not in pids


def test_what_the_thread_does_next_is_not_ended_with_it(
    small: Database, threads: ThreadPoolExecutor
):
    first: Errand[None] = Errand(lambda: None)
    threads.submit(first).result(20)
    first.end()

    def look() -> int:
        with small.connection() as connection:
            return pid_of(connection)

    assert threads.submit(look).result(20)
