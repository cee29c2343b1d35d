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


def marked(folder: Path) -> list[int]:
    """Return the living processes with the mark of this folder; none where there is no /proc."""
    mark = os.fsencode(f"{MARK}={folder}")
    numbers = (int(entry.name) for entry in _PROC.glob("[0-9]*"))
    return [pid for pid in numbers if pid != os.getpid() and _is_marked(pid, mark)]


def of_group(folder: Path, group: int) -> list[int]:
    """Return the members of a process group; the mark keeps a group that reuses its id out."""
    return [pid for pid in marked(folder) if _group_of(pid) == group]


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


def kill_all(pids: Iterable[int]) -> None:
    _signal(pids, signal.SIGKILL)


def _is_marked(pid: int, mark: bytes) -> bool:
    try:
        return mark in (_PROC / str(pid) / "environ").read_bytes().split(b"\0")
    except OSError:
        return False


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
