"""A standby is promoted: to those who come over nothing was lost, and no permit is quiet too soon."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import psutil
import psycopg
import pytest

from agent_workers.domain.claim import Claimed
from agent_workers.domain.effect import EffectClass
from agent_workers.domain.ids import TenantId, WorkerId
from agent_workers.embedded.ports import LOOPBACK, free_port
from agent_workers.embedded.postgres import EmbeddedPostgres
from agent_workers.state.database.engine import Database, connect
from agent_workers.state.steps.workers import DeadMan, Process
from tests.integration.state.acting import allow, key_of
from tests.integration.state.world import World
from tests.support.database import migrate
from tests.support.servers import running_postgres
from tests.support.worker_system import until


@pytest.fixture
def primary(server_folder: Path) -> Iterator[EmbeddedPostgres]:
    with running_postgres(server_folder / "primary") as server:
        yield server


@contextmanager
def standby_of(primary: EmbeddedPostgres, folder: Path) -> Iterator[int]:
    """A copy that follows; what is yielded is its port."""
    assert primary.pid is not None
    server = psutil.Process(primary.pid)
    programs, owner = Path(server.exe()).parent, server.uids().real
    backup = programs / "pg_basebackup"
    if not backup.exists():
        pytest.skip("this Postgres has no pg_basebackup")
    data, port = folder / "data", free_port()
    folder.mkdir()
    folder.chmod(0o755)
    data.mkdir(mode=0o700)
    os.chown(data, owner, -1)
    copy = [str(backup), "-D", str(data), "-R", "-d", primary.dsn, "-c", "fast"]
    subprocess.run(copy, user=owner, cwd=folder, check=True, capture_output=True)
    settings = (f"port={port}", f"listen_addresses={LOOPBACK}", "max_connections=200")
    options = [part for one in (*settings, "unix_socket_directories=") for part in ("-c", one)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [server.exe(), "-D", str(data), *options],
            user=owner,
            cwd=folder,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        yield port
    finally:
        process.terminate()
        process.wait(20)


@contextmanager
def promoted(primary: EmbeddedPostgres, before: World, folder: Path) -> Iterator[World]:
    """What was written is on the standby, the primary is dead, and the standby goes on for it."""
    with standby_of(primary, folder) as port:
        url = before.database.url.replace(f":{primary.port}/", f":{port}/")
        until(lambda: followed(url, before), "the standby has caught up")
        before.database.close()
        primary.kill()
        with connect(url, name="tests") as connection:
            connection.execute("select pg_promote()")
        database = Database(url, pool_size=4, name="tests")
        yield World(database, before.tenant)
        database.close()


@contextmanager
def held(world: World, process: Process) -> Iterator[None]:
    man = DeadMan(world.database.url, process)
    assert man.hold()
    yield
    man.let_go()


def test_a_promoted_standby_starts_quiet_times_again_and_frees_nothing_of_the_living(
    primary: EmbeddedPostgres, tenant: TenantId, server_folder: Path
) -> None:
    url = primary.create_database("moved")
    migrate(url)
    before = World(Database(url, pool_size=4, name="tests"), tenant)
    worker = WorkerId(before.worker)
    me = Process(worker_id=worker, host="far", pid=1, pid_started=1, lanes="effect")
    with held(before, me):
        claimed = before.acting(EffectClass.RECONCILABLE)
        allow(before, claimed)
        before.claim(harmless := before.submit())
        quiet = quiet_at(before, claimed)
        with promoted(primary, before, server_folder / "standby") as after:
            assert after.one("select count(*) from incarnations") == 0
            assert after.sweeps.lost([]) == []
            after.one("update workers set lost_at = lost_at - interval '4 seconds'")
            assert after.sweeps.lost([]) == []
            with held(after, me):
                assert after.step(claimed.job_id, 1, "status, deaths") == ("claimed", 0)
                assert after.step(harmless, 0, "status, deaths") == ("claimed", 0)
                assert quiet_at(after, claimed) > quiet
                assert after.one("select count(*) from incarnations") == 1


def quiet_at(world: World, claimed: Claimed) -> datetime:
    sql = "select quiet_after from permits where effect_key = %s"
    found: datetime = world.one(sql, key_of(claimed))
    return found


def followed(url: str, world: World) -> bool:
    try:
        with connect(url, name="tests") as connection:
            row = connection.execute(
                "select count(*) from permits where worker_id = %s", (world.worker,)
            ).fetchone()
    except psycopg.Error:
        return False  # not up yet
    return row == (1,)
