"""What becomes of our servers when their owner ends, and whom they run as when it is root."""

import os
import pwd
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from agent_workers.embedded.accounts import Account, can_enter
from agent_workers.embedded.errors import ServerDidNotStart
from agent_workers.embedded.leftovers import write_record
from agent_workers.embedded.postgres import EmbeddedPostgres
from agent_workers.embedded.processes import sighting_of, wait_until
from agent_workers.embedded.programs import postgres_install
from agent_workers.embedded.redis import EmbeddedRedis
from tests.support.repository import ROOT
from tests.support.servers import PREFIX, end_abandoned_servers, temp_folder

OWNER = """
import os, select, signal, sys
from pathlib import Path
from agent_workers.embedded.postgres import EmbeddedPostgres
from agent_workers.embedded.redis import EmbeddedRedis
# A shell that runs its tests in the background ignores Ctrl-C for all of them.
signal.signal(signal.SIGINT, signal.default_int_handler)
home = Path(sys.argv[1])
if sys.argv[2:]:
    # Only now: Python itself may lie in a folder that is closed to others.
    os.setgroups([])
    os.setgid(int(sys.argv[3]))
    os.setuid(int(sys.argv[2]))
with (
    EmbeddedPostgres(home / "postgres", shelter=home / "shelter") as postgres,
    EmbeddedRedis(home / "redis") as queue,
):
    print(postgres.pid, queue.pid, flush=True)
    # Waking now and then: a signal just before a wait begins does not end the wait.
    while not select.select([sys.stdin], [], [], 0.2)[0]:
        pass
"""
Start = Callable[..., subprocess.Popen[str]]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


@pytest.fixture
def home() -> Iterator[Path]:
    with temp_folder() as folder:
        yield folder


@pytest.fixture
def start_owner(home: Path) -> Iterator[Start]:
    """Starts another process that owns both servers and waits; what is left of it is ended."""
    with ExitStack() as started:

        def start(
            *account: int, folder: Path = home, python_path: Path = ROOT
        ) -> subprocess.Popen[str]:
            process = subprocess.Popen(
                [sys.executable, "-c", OWNER, str(folder), *map(str, account)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                cwd=ROOT,
                env={"PYTHONPATH": f"{python_path}:{ROOT}", "PYTHONDONTWRITEBYTECODE": "1"},
                start_new_session=True,
            )
            started.enter_context(process)
            started.callback(process.kill)
            return process

        yield start
    EmbeddedPostgres(home / "postgres").end_leftover()
    EmbeddedRedis(home / "redis").end_leftover()


def pids_of(owner: subprocess.Popen[str]) -> list[int]:
    assert owner.stdout is not None
    return [int(pid) for pid in owner.stdout.readline().split()]


def is_gone(pid: int) -> bool:
    return wait_until(lambda: sighting_of(pid) is None, 10.0)


def kill(owner: subprocess.Popen[str]) -> None:
    owner.kill()
    owner.wait()


def test_ctrl_c_of_the_owner_stops_its_servers_in_order(home, start_owner):
    owner = start_owner()
    pids = pids_of(owner)
    owner.send_signal(signal.SIGINT)
    assert owner.wait(60) == -signal.SIGINT
    assert all(is_gone(pid) for pid in pids)
    assert "database system is shut down" in (home / "postgres" / "postgres.log").read_text()


def test_what_a_killed_owner_left_is_ended_by_the_next(home, start_owner):
    owner = start_owner()
    pids = pids_of(owner)
    kill(owner)
    assert all(sighting_of(pid) for pid in pids)
    with (
        EmbeddedPostgres(home / "postgres", shelter=home / "shelter") as postgres,
        EmbeddedRedis(home / "redis") as queue,
    ):
        assert all(is_gone(pid) for pid in pids)
        assert postgres.is_running
        assert queue.is_running


def test_a_killed_owner_that_had_no_time_to_record_is_cleaned_up_after(home, start_owner):
    owner = start_owner()
    pids = pids_of(owner)
    kill(owner)
    (home / "postgres" / "postgres.json").unlink()
    (home / "redis" / "redis.json").unlink()
    assert EmbeddedPostgres(home / "postgres").end_leftover()
    assert EmbeddedRedis(home / "redis").end_leftover()
    assert all(is_gone(pid) for pid in pids)


def test_a_stranger_who_got_the_pid_of_a_dead_server_is_left_alone(home):
    folder = home / "redis"
    folder.mkdir()
    with subprocess.Popen(["/bin/sleep", "60"]) as stranger:
        write_record(folder / "redis.json", pid=stranger.pid, says="-server")
        (folder / "redis.pid").write_text(f"{stranger.pid}\n")
        assert not EmbeddedRedis(folder).end_leftover()
        assert stranger.poll() is None
        stranger.kill()


def test_a_test_session_that_was_killed_is_cleaned_up_after_by_a_later_one(home, start_owner):
    abandoned = home / f"{PREFIX}of-yesterday"
    abandoned.mkdir()
    owner = start_owner(folder=abandoned)
    pids = pids_of(owner)
    kill(owner)
    os.utime(abandoned, (0, 0))
    end_abandoned_servers(home)
    assert not abandoned.exists()
    assert all(is_gone(pid) for pid in pids)


@as_root
def test_for_root_postgres_runs_as_nobody(home):
    with EmbeddedPostgres(home / "postgres", shelter=home / "shelter") as postgres:
        nobody = pwd.getpwnam("nobody").pw_uid
        assert Path(f"/proc/{postgres.pid}").stat().st_uid == nobody
        assert not (home / "shelter").exists()


@as_root
def test_data_below_a_closed_folder_lies_in_a_shelter_and_the_folder_stays_closed(home):
    closed = home / "closed"
    closed.mkdir(mode=0o700)
    postgres = EmbeddedPostgres(closed / "data", shelter=home / "shelter")
    with postgres:
        name = postgres.create_database("kept")
    with postgres:
        assert postgres.url_of("kept") == name
        assert (closed / "data" / "data").resolve().is_relative_to(home / "shelter")
    assert closed.stat().st_mode & 0o777 == 0o700
    postgres.destroy()
    assert not list((home / "shelter").glob("postgres-*"))


@as_root
def test_data_that_has_gone_is_not_replaced_in_silence(home):
    (home / "postgres").mkdir()
    (home / "postgres" / "data").symlink_to(home / "not-mounted")
    with pytest.raises(ServerDidNotStart, match="is a link to nothing"):
        EmbeddedPostgres(home / "postgres").start()


@as_root
def test_programs_below_a_closed_folder_are_copied_to_the_shelter(home, start_owner):
    closed = home / "closed packages"
    package = postgres_install().parent
    shutil.copytree(package, closed / package.name, ignore=shutil.ignore_patterns("*.a"))
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, closed / libraries.name)
    closed.chmod(0o700)
    owner = start_owner(python_path=closed)
    sighting = sighting_of(pids_of(owner)[0])
    assert sighting is not None
    assert sighting.command.startswith(str(home / "shelter" / "pginstall"))
    assert closed.stat().st_mode & 0o777 == 0o700


@as_root
def test_another_account_owns_servers_of_its_own(home, start_owner):
    nobody = pwd.getpwnam("nobody")
    account = Account(uid=nobody.pw_uid, gid=nobody.pw_gid)
    if not can_enter(account, postgres_install() / "bin" / "postgres"):
        pytest.skip("the programs lie in a folder that is closed to others")
    os.chown(home, account.uid, account.gid)
    owner = start_owner(account.uid, account.gid)
    for pid in pids_of(owner):
        assert Path(f"/proc/{pid}").stat().st_uid == account.uid
