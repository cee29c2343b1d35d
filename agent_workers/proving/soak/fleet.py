"""Real Celery workers as a supervisor would run them: started, and started again when they die."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from agent_workers.local import programs
from agent_workers.proving.outside.far_host import FarHost
from agent_workers.testing.counting import REACHED_AT

_PATIENCE_S = 10.0
_THREADS = ("--lanes", "plan,tool,evaluate", "--pool", "threads", "--concurrency", "8")
_FORKS = ("--lanes", "effect", "--pool", "prefork", "--concurrency", "2")
_ALONE = ("--lanes", "plan,tool,effect,evaluate", "--pool", "solo")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One program: its options, how it reaches the servers, and where it runs."""

    options: Sequence[str]
    variables: Mapping[str, str]
    prefix: Sequence[str] = ()
    program: str = programs.WORKER


@dataclass(slots=True, kw_only=True)
class Fleet:
    """One process group per worker, so that no child of it is left behind."""

    kinds: Sequence[Kind]
    environment: Mapping[str, str]
    log: Path
    started: int = 0
    # Told of every process that dies because its main process did.
    swept_away: Callable[[int], None] = lambda _: None
    _workers: dict[int, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    def restart_dead(self) -> None:
        """Start whatever does not run."""
        for number, kind in enumerate(self.kinds):
            worker = self._workers.get(number)
            if worker is not None and worker.poll() is None:
                continue
            if worker is not None:
                # Children of a main process that was killed would outlive it for a while.
                for pid in group_of(worker.pid):
                    self.swept_away(pid)
                _signal_group(worker, signal.SIGKILL)
            self._workers[number] = self._start(kind)

    def pids(self) -> list[int]:
        """Every process of every worker, children included."""
        mains = [worker.pid for worker in self._workers.values() if worker.poll() is None]
        return mains + [child for main in mains for child in _children(main)]

    def pids_far_away(self) -> list[int]:
        """The processes that do not run on this host."""
        mains = [self._workers[n].pid for n, kind in enumerate(self.kinds) if kind.prefix]
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

    def _start(self, kind: Kind) -> "subprocess.Popen[bytes]":
        self.started += 1
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [*kind.prefix, sys.executable, "-m", kind.program, *kind.options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**self.environment, **kind.variables},
                start_new_session=True,
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """How workers reach the servers: straight, through a pooler, from another host."""

    database_url: str
    broker_url: str
    pooled_url: str = ""
    far: FarHost | None = None
    far_database_url: str = ""
    far_broker_url: str = ""
    far_counter_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """Where the API of a soak listens, and with which pepper it knows a key."""

    port: int
    pepper: str


def soak_fleet(ways: Ways, folder: Path, door: Door) -> Fleet:
    """Two workers for what threads may do, one that forks for effects, one or two for everything,
    and what lets somebody in: an API, and beat."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AGENT_")}
    settings = {
        "AGENT_DATABASE_URL": ways.database_url,
        "AGENT_BROKER_URL": ways.broker_url,
        "AGENT_TOOLS": "agent_workers.proving.outside.counted,agent_workers.proving.outside.hostile",
        "AGENT_API_PORT": str(door.port),
        "AGENT_SECRET_PEPPER": door.pepper,
        "AGENT_LOG_LEVEL": "WARNING",
    }
    pooled = (
        {"AGENT_DATABASE_URL": ways.pooled_url, "AGENT_DIRECT_DATABASE_URL": ways.database_url}
        if ways.pooled_url
        else {}
    )
    kinds = [
        Kind(options=_THREADS, variables={}),
        Kind(options=_THREADS, variables=pooled),
        Kind(options=_FORKS, variables=pooled),
        Kind(options=_ALONE, variables={}),
        Kind(options=(), variables={}, program=programs.API),
        Kind(options=(), variables={}, program=programs.BEAT),
    ]
    if ways.far is not None:
        there = {
            "AGENT_DATABASE_URL": ways.far_database_url,
            "AGENT_BROKER_URL": ways.far_broker_url,
            REACHED_AT: ways.far_counter_url,
        }
        kinds.append(Kind(options=_ALONE, variables=there, prefix=ways.far.prefix))
    fleet = Fleet(kinds=kinds, environment=kept | settings, log=folder / "soak.log")
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


def group_of(leader: int) -> list[int]:
    """Whatever still runs of a worker whose main process is gone."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if os.getpgid(int(place.name)) == leader:
                found.append(int(place.name))
    return found
