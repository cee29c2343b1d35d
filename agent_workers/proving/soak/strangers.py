"""What befalls the database and the way to it: backends end, strangers hold locks, links are cut."""

import contextlib
import os
import random
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from agent_workers.domain.errors import AgentWorkersError
from agent_workers.proving.outside.far_host import FarHost
from agent_workers.proving.soak.blows import Blows
from agent_workers.proving.soak.fleet import Fleet
from agent_workers.proving.soak.pooler import Pooler
from agent_workers.state.proving import disturbing

ROWS_LOCKED = "lock of rows"
_LOCKED_S = (1.0, 10.0)
_SNAPSHOT_S = (10.0, 60.0)
_CUT_S = (2.0, 12.0)
# Everybody starts anew after a backend was killed: the time until all are at work again.
_RESTART_S = 10.0


@dataclass(slots=True, kw_only=True)
class Strangers:
    fleet: Fleet
    database_url: str
    random: random.Random
    blows: Blows
    pooler: Pooler | None = None
    far: FarHost | None = None
    _calm: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)
    _deck: list[Callable[[], None]] = field(default_factory=list)

    def next(self) -> Callable[[], None]:
        """One after the other of what can be done here, in an order that changes."""
        if not self._deck:
            self._deck = self._choices()
            self.random.shuffle(self._deck)
        return self._deck.pop()

    def _choices(self) -> list[Callable[[], None]]:
        found = [self.end_backend, self.kill_backend, self.hold_lock, self.hold_snapshot]
        if self.pooler is not None:
            found.append(self.kill_pooler)
        if self.far is not None:
            found.append(self.cut_off)
        return found

    def calm(self) -> None:
        """Locks are let go, links mended, and the pooler is back."""
        self._calm.set()
        for thread in self._threads:
            thread.join(10)
        if self.pooler is not None:
            self.pooler.start()
        if self.far is not None:
            self.far.mend()

    def end_backend(self) -> None:
        with contextlib.suppress(AgentWorkersError, OSError):
            disturbing.terminate_backend(self.database_url)
        self.blows.fall("backend terminated", seconds=_RESTART_S)

    def kill_backend(self) -> None:
        """The postmaster ends every other backend too, recovers, and keeps its start time."""
        with contextlib.suppress(AgentWorkersError, OSError):
            pid = disturbing.pid_of_backend(self.database_url)
            if pid is not None:
                os.kill(pid, signal.SIGKILL)
        self.blows.fall("backend kill -9", seconds=_RESTART_S)

    def hold_lock(self) -> None:
        what, seconds = self.random.choice(disturbing.LOCKS), self.random.uniform(*_LOCKED_S)
        self._meanwhile(disturbing.hold_lock, self.database_url, what, self._calm, seconds)
        self.blows.fall(f"lock of {what}", seconds=seconds + _RESTART_S)

    def hold_snapshot(self) -> None:
        seconds = self.random.uniform(*_SNAPSHOT_S)
        self._meanwhile(disturbing.hold_snapshot, self.database_url, self._calm, seconds)
        self.blows.fall("open snapshot", seconds=0.001)

    def kill_pooler(self) -> None:
        assert self.pooler is not None
        self.pooler.kill()
        time.sleep(self.random.uniform(0.0, 1.0))
        self.pooler.start()
        self.blows.fall("pooler kill", seconds=_RESTART_S)

    def cut_off(self) -> None:
        """The other host goes on working, and nobody hears of it."""
        assert self.far is not None
        far, seconds = self.far, self.random.uniform(*_CUT_S)
        far.cut()
        self.blows.fall("host cut off", *self.fleet.pids_far_away(), seconds=seconds + _RESTART_S)

        def mend() -> None:
            self._calm.wait(seconds)
            far.mend()

        self._meanwhile(mend)

    def _meanwhile(self, act: Callable[..., None], *given: object) -> None:
        thread = threading.Thread(target=act, args=given, name="stranger", daemon=True)
        thread.start()
        self._threads.append(thread)
