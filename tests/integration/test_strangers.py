"""What strangers do to a database in a soak really comes to pass."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest

from agent_workers.proving.outside.far_host import FarHost, far_host
from agent_workers.proving.soak.command import reachable
from agent_workers.proving.soak.pooler import running_pooler
from agent_workers.proving.trials.wire import Wires
from agent_workers.state.database.engine import Database, conninfo
from agent_workers.state.proving import disturbing
from tests.support.servers import temp_folder
from tests.support.worker_system import until


@contextmanager
def meanwhile(act: Callable[..., None], *given: object) -> Iterator[None]:
    calm = threading.Event()
    thread = threading.Thread(target=act, args=(*given, calm, 30.0))
    thread.start()
    try:
        yield
    finally:
        calm.set()
        thread.join()


def test_a_session_of_a_worker_is_ended_and_no_other(database: Database) -> None:
    with (
        psycopg.connect(conninfo(database.url), application_name="agent_workers worker") as worker,
        psycopg.connect(conninfo(database.url), application_name="somebody") as other,
    ):
        assert disturbing.pid_of_backend(database.url) == worker.info.backend_pid
        assert disturbing.terminate_backend(database.url)
        with pytest.raises(psycopg.OperationalError):
            worker.execute("select 1")
        other.execute("select 1")


@pytest.mark.parametrize("what", [lock for lock in disturbing.LOCKS if lock != "rows"])
def test_a_strangers_lock_stands_in_the_way(database: Database, what: str) -> None:
    with meanwhile(disturbing.hold_lock, database.url, what), database.connection() as one:
        one.execute("set lock_timeout = 50")
        sql = f"lock table {what} in row exclusive mode"
        until(lambda: _refused(one, sql), "the lock is held")
        one.execute("reset lock_timeout")


def test_a_strangers_snapshot_stays_open(database: Database) -> None:
    sql = (
        "select exists (select from pg_stat_activity where backend_xmin is not null and state = %s)"
    )
    with meanwhile(disturbing.hold_snapshot, database.url), database.connection() as one:
        idle = ("idle in transaction",)
        until(lambda: one.execute(sql, idle).fetchone() == (True,), "the snapshot is there")


def test_a_pooler_drops_the_options_of_a_session(database: Database) -> None:
    with temp_folder() as folder, running_pooler(database.url, folder) as pooler:
        if pooler is None:
            pytest.skip("no pgbouncer on this machine")
        assert _threshold(database.url) == "7"
        assert _threshold(pooler.url) == "12"


def test_a_far_host_is_cut_off_and_nobody_is_told(database: Database) -> None:
    wires = Wires()
    with far_host() as host:
        if host is None:
            pytest.skip("no network namespace can be made here")
        with reachable(host, wires, database.url) as url:
            assert _answers(host, url)
            host.cut()
            assert not _answers(host, url)
            host.mend()
            until(lambda: _answers(host, url), "the link is whole again")
    wires.close()


def _threshold(url: str) -> str:
    """Read a setting that only the options of the connection change."""
    with psycopg.connect(conninfo(url), options="-c geqo_threshold=7") as connection:
        row = connection.execute("show geqo_threshold").fetchone()
    assert row is not None
    return str(row[0])


def _refused(connection: psycopg.Connection, sql: str) -> bool:
    try:
        with connection.transaction():
            connection.execute(sql.encode())
    except psycopg.errors.LockNotAvailable:
        return True
    return False


def _answers(host: FarHost, url: str) -> bool:
    """Ask Postgres from there, with patience for a second."""
    asks = (
        "import psycopg, sys; psycopg.connect(sys.argv[1], connect_timeout=2).execute('select 1')"
    )
    ran = subprocess.run(
        [*host.prefix, sys.executable, "-c", asks, conninfo(url)], capture_output=True, check=False
    )
    return ran.returncode == 0
