"""Starting, recognising and ending server processes, our own children and strangers alike."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from agent_workers.embedded.accounts import Account
from agent_workers.embedded.interrupts import uninterrupted
from agent_workers.embedded.private import append_to

POLL_SECONDS = 0.02
_WAKE_S = 1.0
# Nothing of the caller's surroundings (PGDATA, PGOPTIONS, LD_PRELOAD …) may steer a server.
PLAIN_ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Blow:
    """A signal, and how long to wait for the process to end before the next one."""

    signal: signal.Signals
    patience_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """What tells a process from a later one with the same pid."""

    started: str
    command: str


def spawn(command: Sequence[str], *, log: Path, account: Account | None) -> subprocess.Popen[bytes]:
    """Start a server in a session of its own, so that Ctrl-C reaches only its owner."""
    with append_to(log) as output:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",
            env=PLAIN_ENVIRONMENT,
            start_new_session=True,
            umask=0o077,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )


def run_to_end(
    command: Sequence[str], *, account: Account | None
) -> subprocess.CompletedProcess[str]:
    """Run a program; when we are interrupted it is ended, with all that it has started itself."""
    process: subprocess.Popen[str] | None = None
    try:
        with uninterrupted():
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                cwd="/",
                env=PLAIN_ENVIRONMENT,
                start_new_session=True,
                user=account.uid if account else None,
                group=account.gid if account else None,
                extra_groups=[] if account else None,
            )
        output, errors = _end_of(process)
    except BaseException:
        if process is not None:
            _end_group(process)
        raise
    return subprocess.CompletedProcess(process.args, process.returncode, output, errors)


def _end_of(process: subprocess.Popen[str]) -> tuple[str, str]:
    while True:
        # A signal that comes just before we wait is answered only when we wake.
        with suppress(subprocess.TimeoutExpired):
            return process.communicate(timeout=_WAKE_S)


def end_child(child: subprocess.Popen[bytes], blows: Sequence[Blow]) -> None:
    for blow in blows:
        child.send_signal(blow.signal)
        # A frozen process hears nothing but this and kill -9.
        child.send_signal(signal.SIGCONT)
        try:
            child.wait(blow.patience_s)
        except subprocess.TimeoutExpired:
            continue
        return
    child.kill()
    child.wait()


def end_stranger(pid: int, is_ours: Callable[[int], bool], blows: Sequence[Blow]) -> bool:
    """End a process that is not our child, if it still is the one we mean; say whether it was."""
    if not is_ours(pid):
        return False
    for blow in (*blows, Blow(signal=signal.SIGKILL, patience_s=10.0)):
        _signal_if(pid, is_ours, blow.signal)
        _signal_if(pid, is_ours, signal.SIGCONT)
        if wait_until(lambda: not is_ours(pid), blow.patience_s):
            return True
    return True


def sighting_of(pid: int) -> Sighting | None:
    """The living process with this pid, or None; a zombie is dead."""
    if Path("/proc/self/stat").exists():
        return _sighting_in_proc(pid)
    return _sighting_by_ps(pid)


def wait_until(holds: Callable[[], bool], patience_s: float) -> bool:
    deadline = time.monotonic() + patience_s
    while not holds():
        if time.monotonic() >= deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def _end_group(leader: subprocess.Popen[str]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(leader.pid, signal.SIGKILL)
    # Whoever has inherited its output is gone when there is no more of it.
    leader.communicate()


def _sighting_in_proc(pid: int) -> Sighting | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return None
    # The name, in brackets, may hold spaces; what follows the last bracket is field 3 (state).
    fields = stat.rpartition(")")[2].split()
    if fields[0] in {"Z", "X"}:
        return None
    return Sighting(
        started=f"{boot}:{fields[19]}",
        command=os.fsdecode(command.replace(b"\0", b" ")),
    )


def _sighting_by_ps(pid: int) -> Sighting | None:
    def column(name: str) -> str:
        found = subprocess.run(
            ["ps", "-ww", "-o", f"{name}=", "-p", str(pid)],
            capture_output=True,
            text=True,
            env=PLAIN_ENVIRONMENT,
            check=False,
        )
        return found.stdout.strip()

    started, state, command = column("lstart"), column("state"), column("command")
    if not started or state.startswith("Z"):
        return None
    return Sighting(started=started, command=command)


def _signal_if(pid: int, is_ours: Callable[[int], bool], number: signal.Signals) -> None:
    try:
        with _pinned(pid) as send:
            if is_ours(pid):
                send(number)
    except ProcessLookupError:
        return


@contextmanager
def _pinned(pid: int) -> Iterator[Callable[[signal.Signals], None]]:
    """Hold on to the process itself where the system can, so that a reused pid is never hit."""
    if not hasattr(os, "pidfd_open"):
        yield lambda number: os.kill(pid, number)
        return
    handle = os.pidfd_open(pid)
    try:
        yield lambda number: signal.pidfd_send_signal(handle, number)
    finally:
        os.close(handle)
