"""A lock that is lost is not a death: not when a backend is killed, nor when one is terminated."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent_workers.domain.errors import StateUnavailable
from agent_workers.domain.ids import JobId
from agent_workers.embedded.postgres import EmbeddedPostgres
from agent_workers.embedded.redis import EmbeddedRedis
from agent_workers.state.database.engine import Database
from agent_workers.state.proving.invariants import broken
from tests.support.database import migrate
from tests.support.servers import running_postgres
from tests.support.worker_system import Program, System, system, until

AGENTS = "tests.integration.programs.lasting_agents"
# Longer than the longest grace of a worker that lost its lock.
SECONDS = 12
JOBS = 4
DEAD_MEN = """
select count(*) from pg_stat_activity
 where application_name = 'agent_workers dead-man' and datname = current_database()"""


@pytest.fixture(scope="module")
def own_postgres(server_folder: Path) -> Iterator[EmbeddedPostgres]:
    """A server that nobody else is connected to when it crashes."""
    with running_postgres(server_folder / "own") as server:
        yield server


@pytest.fixture
def running(
    own_postgres: EmbeddedPostgres, redis_server: EmbeddedRedis, tmp_path: Path
) -> Iterator[System]:
    url = own_postgres.create_database(f"t{os.urandom(4).hex()}")
    migrate(url)
    database = Database(url, pool_size=4, name="tests")
    with system(database, redis_server.url, tmp_path, AGENT_TOOLS=AGENTS) as started:
        yield started
    database.close()


def two_workers(running: System) -> tuple[Program, Program]:
    return running.worker("first"), running.worker("second")


def busy(running: System, book: Path) -> list[JobId]:
    """Each thread of the workers is in a tool."""
    jobs = [running.submit("lasting", book=str(book), seconds=SECONDS) for _ in range(JOBS)]
    until(lambda: began(book) == JOBS, "all tools have begun", 60)
    return jobs


def began(book: Path) -> int:
    return len(book.read_text().split()) if book.exists() else 0


def assert_nothing_was_repeated(running: System, jobs: list[JobId], book: Path) -> None:
    running.wait_for(*jobs, patience_s=60)
    assert began(book) == JOBS
    assert running.ask("select max(fence) from steps where kind = 'tool'") == 1
    assert running.ask("select max(deaths) from steps") == 0
    assert running.ask("select count(*) from suspicions") == 0
    assert not broken(running.database)


def test_a_backend_that_is_killed_repeats_nothing_of_living_workers(
    running: System, tmp_path: Path
) -> None:
    book = tmp_path / "book"
    _, slow = two_workers(running)
    jobs = busy(running, book)
    started = running.ask("select pg_postmaster_start_time()")
    before = running.ask("select since from incarnations")
    victim = running.ask(
        "select pid from pg_stat_activity where application_name = 'agent_workers worker' limit 1"
    )
    # One of them is back at once, and the other only when it could be given up for dead.
    os.kill(slow.pid, signal.SIGSTOP)
    os.kill(victim, signal.SIGKILL)
    until(lambda: are_back(running, 1), "the other worker is back")
    until(
        lambda: running.ask(
            "select count(*) from workers where lost_at < clock_timestamp() - interval '2 seconds'"
        ),
        "it is missed",
    )
    os.kill(slow.pid, signal.SIGCONT)
    until(lambda: are_back(running, 2), "it is back")
    assert running.ask("select pg_postmaster_start_time()") == started
    assert_nothing_was_repeated(running, jobs, book)
    assert running.ask("select since from incarnations") > before


def are_back(running: System, workers: int) -> bool:
    running.database.close()  # a crash has ended all of its connections
    try:
        return bool(running.ask(DEAD_MEN) == workers)
    except StateUnavailable:
        return False


def test_a_worker_whose_lock_is_taken_away_is_back_before_anything_is_freed(
    running: System, tmp_path: Path
) -> None:
    book = tmp_path / "book"
    two_workers(running)
    jobs = busy(running, book)
    ended: int = running.ask(
        "select count(pg_terminate_backend(pid)) from pg_stat_activity"
        " where application_name = 'agent_workers dead-man' and datname = current_database()"
    )
    assert ended == 2
    assert_nothing_was_repeated(running, jobs, book)
    assert are_back(running, 2)
