"""Processes that belong to a data folder, however deep below its supervisor they were started."""

import os
import signal
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

# Inherited by whatever a supervised program starts itself. Only the supervisor ever sets it.
MARK = "AGENT_SUPERVISED_FOLDER"
_PROC = Path("/proc")
_POLL_S = 0.02
# A process in the middle of an exec shows no environment for that long, and a killed one is there.
_SETTLES_S, _LOOKS = 0.2, 10
_DIES_S = 2.0


def marked(folder: Path) -> list[int]:
    """Return the living processes with the mark of this folder; none where there is no /proc."""
    mark = os.fsencode(f"{MARK}={folder}")
    numbers = [int(entry.name) for entry in _PROC.glob("[0-9]*")]
    return _with_mark([pid for pid in numbers if pid != os.getpid()], mark)


def kill_group(folder: Path, group: int) -> None:
    """End the members of a process group; the mark keeps a group that reuses its id out."""
    deadline = time.monotonic() + _DIES_S
    while left := [pid for pid in marked(folder) if _group_of(pid) == group and _lives(pid)]:
        _signal(left, signal.SIGKILL)
        if time.monotonic() > deadline:
            return
        time.sleep(_POLL_S)


def end_all(pids: Iterable[int], *, patience_s: float) -> None:
    """Ask them to end, and end those that do not."""
    left = list(pids)
    _signal(left, signal.SIGTERM)
    _signal(left, signal.SIGCONT)
    deadline = time.monotonic() + patience_s
    while left and time.monotonic() < deadline:
        time.sleep(_POLL_S)
        left = [pid for pid in left if _lives(pid)]
    _signal(left, signal.SIGKILL)


def _with_mark(pids: Iterable[int], mark: bytes) -> list[int]:
    found: list[int] = []
    unsettled = list(pids)
    deadline, looks = time.monotonic() + _SETTLES_S, 0
    # On a busy machine that time may pass between two looks.
    while unsettled and (looks < _LOOKS or time.monotonic() < deadline):
        looks += 1
        seen = {pid: _environment(pid) for pid in unsettled}
        found += [pid for pid, variables in seen.items() if mark in variables]
        unsettled = [pid for pid, variables in seen.items() if not variables and _may_exec(pid)]
        time.sleep(_POLL_S if unsettled else 0)
    return found


def _environment(pid: int) -> list[bytes]:
    """Return its variables; none of a stranger's, a dead one's, or one between two programs."""
    try:
        return (_PROC / str(pid) / "environ").read_bytes().split(b"\0")[:-1]
    except OSError:
        return []


def _may_exec(pid: int) -> bool:
    """Tell a process that may show its mark in a moment from a stranger and the kernel's own."""
    readable = os.access(_PROC / str(pid) / "environ", os.R_OK)
    return readable and _group_of(pid) > 0 and _lives(pid)


def _lives(pid: int) -> bool:
    try:
        stat = (_PROC / str(pid) / "stat").read_text(errors="replace")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def _group_of(pid: int) -> int:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return 0


def _signal(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)
