"""A Postgres that stands still for seconds ends no worker, and repeats nothing."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from agent_workers.domain.ids import JobId
from agent_workers.embedded.redis import EmbeddedRedis
from agent_workers.state.database.engine import Database
from agent_workers.state.proving.invariants import broken
from tests.support.worker_system import System, system, until

AGENTS = "tests.integration.programs.slow_agents"
# Longer than the kernel's timer for a tool with a time-out of one second, shorter than any patience.
STALL_S = 4.0
JOBS = 8


@pytest.fixture
def running(database: Database, redis_server: EmbeddedRedis, tmp_path: Path) -> Iterator[System]:
    with system(database, redis_server.url, tmp_path, AGENT_TOOLS=AGENTS) as started:
        yield started
        started.end_all_jobs()


@contextmanager
def no_permit(running: System) -> Iterator[None]:
    """Nobody gets past writing an intent: permits wait for locks, everything else for connections."""
    with running.database.transaction() as connection:
        # This one must not wait for the replica as well: the lock is let go while there is none.
        connection.execute("set local synchronous_commit = off")
        connection.execute("lock table effects in access exclusive mode")
        yield


@contextmanager
def no_commit(running: System) -> Iterator[None]:
    """Commits wait for a replica that is not there."""
    _replicate_to(running, "nobody")
    try:
        yield
    finally:
        _replicate_to(running, "")


def _replicate_to(running: System, name: str) -> None:
    with running.database.connection() as connection:
        connection.execute(f"alter system set synchronous_standby_names = '{name}'".encode())
        connection.execute("select pg_reload_conf()")


def waiting(running: System, event: str) -> int:
    count: int = running.ask(
        "select count(*) from pg_stat_activity where datname = current_database()"
        " and wait_event_type || '.' || wait_event like %s",
        event,
    )
    return count


def stall(running: System, *, at_commit: bool, permits: int) -> None:
    """Hold up permits that are being asked for, or their commits."""
    with ExitStack() as at_last:
        with no_permit(running):
            until(lambda: waiting(running, "Lock.%") >= permits, "permits are asked for")
            if not at_commit:
                time.sleep(STALL_S)
                return
            at_last.enter_context(no_commit(running))
        until(lambda: waiting(running, "IPC.SyncRep") >= permits, "permits are being committed")
        time.sleep(STALL_S)


@pytest.mark.parametrize("at_commit", [False, True], ids=["locked", "not-committed"])
@pytest.mark.parametrize(
    ("tool", "pool", "slots"),
    [("keyed", "threads", JOBS), ("reconcilable", "prefork", 2), ("unsafe", "prefork", 2)],
)
def test_nobody_dies_while_a_permit_waits_and_each_effect_happens_once(
    running: System,
    tmp_path: Path,
    tool: str,
    pool: str,
    slots: int,
    at_commit: bool,  # noqa: FBT001 (a parameter of the test)
) -> None:
    lanes = "plan,tool,evaluate" if pool == "threads" else "plan,effect,evaluate"
    options = ("--lanes", lanes, "--pool", pool, "--concurrency", str(slots), "--name", "worker")
    worker = running.start("worker", "agent_workers.worker.programs.main", *options)
    until(lambda: " ready." in worker.output() or not worker.is_alive, "it is ready", 120)
    until(lambda: len(running.worker_pids()) >= (1 if pool == "threads" else slots), "it is known")
    alive, book = running.worker_pids(), tmp_path / "book"
    jobs = _submitted(running, tool, book)
    # The keeper has a connection, and so has who asks for one more.
    stall(running, at_commit=at_commit, permits=min(slots, 4))
    running.wait_for(*jobs, patience_s=60)
    assert running.worker_pids() == alive, worker.output()
    assert running.ask("select max(deaths) from steps") == 0
    assert "quarantined" not in worker.output()
    keys = book.read_text().split()
    assert len(set(keys)) == JOBS
    assert tool == "keyed" or len(keys) == JOBS
    assert not broken(running.database)


def _submitted(running: System, tool: str, book: Path) -> list[JobId]:
    return [running.submit("hasty", tool=tool, book=str(book)) for _ in range(JOBS)]
