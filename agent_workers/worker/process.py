"""Who this process is: its id, and what lets others on the same host see whether it lives."""

import os
import socket
from collections.abc import Iterable
from pathlib import Path
from uuid import UUID, uuid4

from agent_workers.domain.ids import WorkerId
from agent_workers.domain.step import Lane
from agent_workers.state.steps.workers import Process

# In /proc/PID/stat, counted behind the command's closing parenthesis.
_START_FIELD = 19


def this_process(lanes: Iterable[Lane]) -> Process:
    """Describe this process; to be called after fork."""
    pid = os.getpid()
    return Process(
        worker_id=WorkerId(uuid4()),
        host=socket.gethostname(),
        pid=pid,
        pid_started=started_at(pid) or 0,
        lanes=",".join(lanes),
    )


def started_at(pid: int) -> int | None:
    """When a process of this host began, in the kernel's ticks; None when there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("ascii", "replace")
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    # A zombie has ended: it only waits for its parent to notice.
    return None if fields[0] == "Z" else int(fields[_START_FIELD])


def gone(known: Iterable[tuple[UUID, int, int]]) -> list[UUID]:
    """Of processes registered on this host, those that exist no more."""
    if started_at(os.getpid()) is None:
        return []  # no /proc here: leases and grace times have to do
    return [worker for worker, pid, started in known if started and started_at(pid) != started]
