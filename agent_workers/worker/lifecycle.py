"""When the parts of a worker process are made and closed: Celery's signals, and nothing more."""

import gc
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import structlog
from billiard import pool
from billiard.util import get_logger
from celery import Celery, bootsteps, signals
from celery.apps.worker import (
    install_worker_term_handler,
    install_worker_term_hard_handler,
    on_cold_shutdown,
)
from typing_extensions import override

from agent_workers.worker.runtime import Runtime
from agent_workers.worker.stopping import Stopping

log = structlog.get_logger(__name__)

# Tenths of a second in which an ending child waits until its parent has counted its results. After
# a lost connection the count can stay too low, and the default is half a minute. Our results are
# in Postgres by then.
_RESULT_WAITS = 20


@dataclass(slots=True)
class Lifecycle:
    """Holds this process's runtime; each prefork child gets one of its own."""

    open_runtime: Callable[[], Runtime]
    stopping: Stopping
    _runtime: Runtime | None = field(default=None)

    def runtime(self) -> Runtime:
        if self._runtime is None:
            self._runtime = self.open_runtime()
        return self._runtime

    def connect(self, app: Celery, *, prefork: bool, log_as: Callable[[], None]) -> None:
        """Follow the worker's life."""

        def logging(**_: object) -> None:
            log_as()
            # By itself it says on the bare terminal, or nowhere, that a child was lost.
            children = get_logger()
            children.setLevel("WARNING")
            children.propagate = True

        app.steps["worker"].add(_ending(self.stopping))
        signals.setup_logging.connect(logging, weak=False)
        signals.worker_shutting_down.connect(self._stop, weak=False)
        if prefork:
            pool.GUARANTEE_MESSAGE_CONSUMPTION_RETRY_LIMIT = _RESULT_WAITS
            signals.worker_init.connect(_freeze, weak=False)
            signals.worker_process_init.connect(self._begin_child, weak=False)
            signals.worker_process_shutdown.connect(self._end, weak=False)
        else:
            signals.worker_init.connect(self._begin, weak=False)
            signals.worker_shutdown.connect(self._end, weak=False)

    def _begin(self, **_: object) -> None:
        self.runtime()

    def _begin_child(self, **_: object) -> None:
        # Supervisors signal the whole group; the main process lets us finish what we are doing.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        self.runtime()

    def _stop(self, **_: object) -> None:
        # In a signal handler: no lock, no log.
        self.stopping.set()

    def _end(self, **_: object) -> None:
        if self._runtime is not None:
            self._runtime.close()
            self._runtime = None


def _ending(stopping: Stopping) -> type[bootsteps.StartStopStep]:
    # Celery waits for its pool inside of this handler, before it sends any signal of its own.
    def cold(worker: Any) -> None:  # noqa: ANN401
        stopping.set()
        on_cold_shutdown(worker)

    class Ending(bootsteps.StartStopStep):
        requires = ("celery.worker.components:Pool",)

        # `worker` comes from Celery, which has no types.
        @override
        def start(self, worker: Any) -> None:
            """End as Celery does, but tell the children, and put no plain text among our events."""
            install_worker_term_handler(worker, verbose=False)
            install_worker_term_hard_handler(worker, callback=cold, verbose=False)

        def close(self, worker: Any) -> None:  # noqa: ARG002, ANN401
            """Whatever ends the worker comes by here: a remote command sends no signal."""
            stopping.set()

    return Ending


def _freeze(**_: object) -> None:
    # What the parent has loaded is shared with its children until somebody writes to it.
    gc.freeze()
