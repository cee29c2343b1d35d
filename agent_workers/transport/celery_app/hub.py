"""Wakes Celery's event loop when a pool thread becomes free, so that no full wave loses time."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

from celery import Celery, bootsteps
from celery.concurrency.thread import TaskPool
from typing_extensions import override

P = ParamSpec("P")
T = TypeVar("T")


class WakingExecutor(ThreadPoolExecutor):
    """Calls `wake` after each task, when Celery's callbacks have given its slot back."""

    def __init__(self, *, max_workers: int, wake: Callable[[], object]) -> None:
        super().__init__(max_workers=max_workers)
        self._wake = wake

    @override
    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        future = super().submit(fn, *args, **kwargs)
        future.add_done_callback(lambda _: self._wake())
        return future


class HubWakeup(bootsteps.StartStopStep):
    """With every slot taken and prefetch off, the loop stops watching its socket; without a call
    from the thread that frees a slot it sleeps on, up to a second, until a timer is due."""

    requires = ("celery.worker.components:Pool",)

    # `worker` and its parts come from Celery, which has no types.
    def create(self, worker: Any) -> None:  # noqa: ANN401
        hub, pool = worker.hub, worker.pool
        if hub is None or not isinstance(pool, TaskPool):
            return  # the other pools report a finished task through the loop itself
        pool.executor = WakingExecutor(max_workers=pool.limit, wake=lambda: hub.call_soon(_nothing))


def install_hub_wakeup(app: Celery) -> None:
    app.steps["worker"].add(HubWakeup)


def _nothing() -> None:
    return None
