"""The watchdog: ends a worker that no longer consumes, so that its supervisor starts a new one."""

import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog
from celery import Celery, bootsteps, signals
from celery.worker import state
from typing_extensions import override

from agent_workers.domain.running.exits import AWAY
from agent_workers.domain.step import Lane
from agent_workers.transport.doorbells.depth import Depths
from agent_workers.worker.stopping import Stopping

log = structlog.get_logger(__name__)

# For the supervisor: not a crash of ours, start again.
EXIT_CODE = AWAY
LOOK_EVERY_S = 5.0
PATIENCE_S = 45.0
# What is being done may be recorded, and the rest of its job handed back.
GRACE_S = 20.0


@dataclass(slots=True, kw_only=True)
class Watch:
    """Decides that a worker is deaf: messages waited, slots were free, and nothing was taken."""

    clock: Callable[[], float] = time.monotonic
    patience_s: float = PATIENCE_S
    look_every_s: float = LOOK_EVERY_S
    _heard_at: float = field(default=0.0)
    _looked_at: float | None = field(default=None)

    def heard(self) -> None:
        self._heard_at = self.clock()

    def is_deaf(self, *, waiting: bool, free: bool) -> bool:
        """Look once; the time in which we were frozen ourselves does not count."""
        now, before = self.clock(), self._looked_at
        self._looked_at = now
        frozen = before is None or now - before > 2 * self.look_every_s
        if frozen or not waiting or not free:
            self._heard_at = now
            return False
        return now - self._heard_at > self.patience_s


def install_watchdog(
    app: Celery,
    *,
    broker_url: str,
    lanes: Sequence[Lane],
    stopping: Stopping,
    patience_s: float = PATIENCE_S,
) -> None:
    """Watch the worker's main process, whatever its pool."""
    watch = Watch(patience_s=patience_s, look_every_s=min(LOOK_EVERY_S, patience_s / 4))
    depths = Depths(broker_url)

    def waiting() -> bool:
        seen = depths.of_all()
        return any(seen.get(lane, 0) > 0 for lane in lanes)

    class Watchdog(bootsteps.StartStopStep):
        requires = ("celery.worker.components:Pool",)

        # `worker` comes from Celery, which has no types.
        @override
        def start(self, worker: Any) -> None:
            def look() -> None:
                while True:
                    time.sleep(watch.look_every_s)
                    free = len(state.active_requests) < worker.pool.limit
                    if watch.is_deaf(waiting=waiting(), free=free) and not stopping.is_set():
                        _end(stopping, patience_s)

            signals.task_received.connect(lambda **_: watch.heard(), weak=False)
            threading.Thread(target=look, name="watchdog", daemon=True).start()

    app.steps["worker"].add(Watchdog)


def _end(stopping: Stopping, patience_s: float) -> None:
    """Leave without Celery, which might not hear of it either."""
    log.error("worker_deaf", patience_s=patience_s)
    stopping.set()
    deadline = time.monotonic() + GRACE_S
    while state.active_requests and time.monotonic() < deadline:
        time.sleep(0.1)
    os._exit(EXIT_CODE)
