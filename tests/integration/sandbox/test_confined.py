"""Starting programs inside a boundary: what they see, and that they are gone afterwards."""

import os
import signal
import subprocess
import tempfile
import time
from datetime import timedelta
from pathlib import Path

import pytest

from agent_workers.execution.sandbox.confining import landlock
from agent_workers.execution.sandbox.confining.confined import Boundary, confine, why_no_bwrap
from agent_workers.execution.sandbox.confining.processes import Ended, run_bounded
from agent_workers.execution.sandbox.ports import LONG_LIVED, Allowed, NoBoundary

PATIENCE_S = 30


def test_a_program_and_what_it_started_are_gone_when_its_time_is_over(boundary: Boundary) -> None:
    marker = f"600.{os.getpid()}"
    ended = run(boundary, f"sleep {marker} & sleep {marker}", wall=timedelta(milliseconds=600))
    assert ended.timed_out
    eventually_none(marker)


def test_its_environment_is_what_it_was_given(
    boundary: Boundary, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGENT_SECRET_PEPPER", "the worker's own")
    confined = confine(["/usr/bin/env"], environment={"TOKEN": "its own"}, boundary=boundary)
    ended = run_bounded(
        confined.argv, confined.environment, given=b"", most=9_999, wall=timedelta(seconds=20)
    )
    names = {line.partition("=")[0] for line in ended.output.decode().splitlines()}
    assert names - {"PWD"} == {"PATH", "HOME", "LANG", "TOKEN"}


def test_no_secret_is_in_the_command_line(boundary: Boundary) -> None:
    confined = confine(["/bin/true"], environment={"TOKEN": "its own"}, boundary=boundary)
    assert not [word for word in confined.argv if "its own" in word]


def test_it_reads_what_it_was_given_to_read_and_writes_nothing_there(tmp_path: Path) -> None:
    if why := why_no_bwrap():
        pytest.skip(why)
    tmp_path.chmod(0o755)
    (tmp_path / "file").write_text("to be read")
    words = ["/bin/sh", "-c", f"cat {tmp_path}/file; touch {tmp_path}/new; ls {tmp_path.parent}"]
    confined = confine(words, allowed=Allowed(reads=[tmp_path]), boundary=Boundary.BWRAP)
    ended = run_bounded(
        confined.argv, confined.environment, given=b"", most=9_999, wall=timedelta(seconds=20)
    )
    assert ended.output.decode() == f"to be read{tmp_path.name}\n"
    assert not (tmp_path / "new").exists()


def test_without_a_machine_of_its_own_it_sees_no_process_and_no_folder_of_the_same_user(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if not landlock.version():
        pytest.skip("this kernel has no Landlock")
    same = 60_599 if os.geteuid() == 0 else None
    monkeypatch.setattr("agent_workers.execution.sandbox.confining.confined.own_user", lambda: same)
    secret = {"SECRET": "of another program of this user"}
    with (
        # Not below /tmp, which programs of one user share.
        tempfile.TemporaryDirectory(dir="/var/tmp") as folder,
        subprocess.Popen(
            ["/bin/sleep", "600"], env=secret, user=same, group=same, cwd="/"
        ) as other,
    ):
        ours = Path(folder) / "ours"
        ours.write_text("read by nobody else")
        if same is not None:
            os.chown(folder, same, same)
            os.chown(ours, same, same)
        words = f"cat /proc/{other.pid}/environ {ours}; echo x > {ours}.new; cat /etc/hostname"
        ended = run(Boundary.PROCESS, words, wall=timedelta(seconds=20))
        other.kill()
        assert not Path(f"{ours}.new").exists()
    assert ended.output == Path("/etc/hostname").read_bytes()
    assert ended.said.count("Permission denied") == 3


def test_without_a_machine_of_its_own_it_ends_no_process_of_the_same_user(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if not landlock.scoped():
        pytest.skip("this kernel keeps no signals inside")
    same = 60_598 if os.geteuid() == 0 else None
    monkeypatch.setattr("agent_workers.execution.sandbox.confining.confined.own_user", lambda: same)
    with subprocess.Popen(["/bin/sleep", "600"], env={}, user=same, group=same, cwd="/") as other:
        ended = run(Boundary.PROCESS, f"kill -9 {other.pid}", wall=timedelta(seconds=20))
        other.terminate()
    assert other.returncode == -signal.SIGTERM
    assert "not permitted" in ended.said


def test_terminals_and_other_devices_are_not_within_reach() -> None:
    if not landlock.version():
        pytest.skip("this kernel has no Landlock")
    ended = run(
        Boundary.PROCESS, "echo x > /dev/null && echo x > /dev/ptmx", wall=timedelta(seconds=20)
    )
    assert "/dev/ptmx: Permission denied" in ended.said


def test_it_has_no_capability_and_gets_none(boundary: Boundary) -> None:
    ended = run(boundary, "grep -E '^(Cap|NoNew)' /proc/self/status", wall=timedelta(seconds=20))
    found = dict(line.split(":\t") for line in ended.output.decode().splitlines())
    assert found.pop("NoNewPrivs") == "1"
    if os.geteuid() != 0:
        found.pop("CapBnd")  # only who has capabilities may give up those of the future
    assert {name: int(value, 16) for name, value in found.items()} == dict.fromkeys(found, 0)


def test_what_its_worker_has_open_is_closed(boundary: Boundary, tmp_path: Path) -> None:
    confined = confine(["/bin/sh", "-c", "ls /proc/$$/fd"], boundary=boundary)
    with (tmp_path / "secret").open("w") as secret:
        ran = subprocess.run(
            confined.argv,
            env=dict(confined.environment),
            pass_fds=[secret.fileno()],
            capture_output=True,
            check=True,
        )
    assert set(ran.stdout.decode().split()) <= {"0", "1", "2", "10", "255"}  # a shell has its own


def test_it_does_not_begin_once_whoever_started_it_is_dead(boundary: Boundary) -> None:
    confined = confine(["/bin/sleep", "600"], boundary=boundary)
    reads, writes = os.pipe()
    os.close(reads)
    ran = subprocess.run(
        confined.argv,
        env=dict(confined.environment),
        stdout=writes,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writes)
    assert "the process that started it is gone" in ran.stderr.decode()


def test_a_program_that_is_not_there_is_told_at_once() -> None:
    with pytest.raises(NoBoundary, match="no program 'nobody-has-this'"):
        confine(["nobody-has-this"])


def test_a_fork_bomb_of_a_server_is_bounded(boundary: Boundary) -> None:
    marker = f"700.{os.getpid()}"
    many = f"i=0; while [ $i -lt 200 ]; do sleep {marker} & i=$((i+1)); done; wait"
    ended = run(boundary, many, wall=timedelta(seconds=60))
    assert "fork" in ended.said
    eventually_none(marker)


def run(boundary: Boundary, script: str, *, wall: timedelta) -> Ended:
    confined = confine(["/bin/sh", "-c", script], bounds=LONG_LIVED, boundary=boundary)
    return run_bounded(confined.argv, confined.environment, given=b"", most=9_999, wall=wall)


def eventually_none(marker: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while found := with_word(marker):
        assert time.monotonic() < deadline, found
        time.sleep(0.01)


def with_word(marker: str) -> list[int]:
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            words = (place / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if words[:2] == [b"sleep", marker.encode()]:
            found.append(int(place.name))
    return found
