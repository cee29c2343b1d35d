"""Real Celery workers as a supervisor would run them: started, and started again when they die."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_PATIENCE_S = 10.0
_KINDS: tuple[tuple[str, ...], ...] = (
    ("--lanes", "plan,tool,evaluate", "--pool", "threads", "--concurrency", "8"),
    ("--lanes", "plan,tool,evaluate", "--pool", "threads", "--concurrency", "8"),
    ("--lanes", "effect", "--pool", "prefork", "--concurrency", "2"),
    ("--lanes", "plan,tool,effect,evaluate", "--pool", "solo"),
)


@dataclass(slots=True, kw_only=True)
class Fleet:
    """One process group per worker, so that no child of it is left behind."""

    kinds: Sequence[Sequence[str]]
    environment: Mapping[str, str]
    log: Path
    started: int = 0
    _workers: dict[int, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    def restart_dead(self) -> None:
        """Start whatever does not run."""
        for number, kind in enumerate(self.kinds):
            worker = self._workers.get(number)
            if worker is not None and worker.poll() is None:
                continue
            if worker is not None:
                # Children of a main process that was killed would outlive it for a while.
                _signal_group(worker, signal.SIGKILL)
            self._workers[number] = self._start(kind)

    def pids(self) -> list[int]:
        """Every process of every worker, children included."""
        mains = [worker.pid for worker in self._workers.values() if worker.poll() is None]
        return mains + [child for main in mains for child in _children(main)]

    def wake(self) -> None:
        for worker in self._workers.values():
            _signal_group(worker, signal.SIGCONT)

    def end(self) -> None:
        for worker in self._workers.values():
            _signal_group(worker, signal.SIGCONT)
            _signal_group(worker, signal.SIGTERM)
        for worker in self._workers.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                worker.wait(_PATIENCE_S)
            _signal_group(worker, signal.SIGKILL)
            worker.wait()

    def _start(self, kind: Sequence[str]) -> "subprocess.Popen[bytes]":
        self.started += 1
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "agent_workers.worker.main", *kind],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=dict(self.environment),
                start_new_session=True,
            )


def soak_fleet(database_url: str, broker_url: str, folder: Path) -> Fleet:
    """Four workers: two for what threads may do, one that forks for effects, one for everything."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AGENT_")}
    settings = {
        "AGENT_DATABASE_URL": database_url,
        "AGENT_BROKER_URL": broker_url,
        "AGENT_TOOLS": "agent_workers.testing.counted",
        "AGENT_LOG_LEVEL": "WARNING",
    }
    fleet = Fleet(kinds=_KINDS, environment=kept | settings, log=folder / "soak.log")
    fleet.restart_dead()
    return fleet


def _signal_group(worker: "subprocess.Popen[bytes]", number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(worker.pid, number)


def _children(pid: int) -> list[int]:
    """Children of a process, where the kernel tells (Linux)."""
    found: list[int] = []
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += [int(word) for word in children.read_text().split()]
    return found
