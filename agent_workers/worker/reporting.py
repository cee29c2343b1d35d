"""The report of this worker: said at its start, taken back at its end, and beats between them."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

import structlog

from agent_workers.domain.claim import Due
from agent_workers.domain.errors import AgentWorkersError
from agent_workers.domain.worker_report import WorkerReport
from agent_workers.orchestration.ports import Ring
from agent_workers.state.database.engine import Database
from agent_workers.state.steps.worker_reports import WorkerReports

log = structlog.get_logger(__name__)

BEAT_EVERY_S = 10.0
_SWEEP_EVERY_S = 3600.0
# Until it consumes, others may claim what it wakes, and give it back.
_WAKES_FOR_S = 60.0


class Beaten(Protocol):
    """Where beats go: to Postgres, or into the memory of a test."""

    def beat(self, report: WorkerReport, *, stopping: bool) -> None: ...

    def sweep(self) -> None: ...

    def wake(self, report: WorkerReport) -> Sequence[Due]: ...


def beats(
    reports: Beaten,
    report: WorkerReport | None,
    *,
    stopping: Callable[[], bool],
    ring: Ring,
    clock: Callable[[], float] = time.monotonic,
) -> Callable[[], None]:
    """Return what a keeper calls at each look: it beats when it is time, and at once when we stop.

    Who has no report is part of no worker: a test, or a trial of one tool.
    """
    beat_at = sweep_at = began_at = clock()
    said = False

    def keep() -> None:
        nonlocal beat_at, sweep_at, said
        now, ends = clock(), stopping()
        if report is None or (now < beat_at and ends == said):
            return
        beat_at, said = now + BEAT_EVERY_S, ends
        reports.beat(report, stopping=ends)
        if now < began_at + _WAKES_FOR_S and not ends and (due := reports.wake(report)):
            ring(due, parent=None)
        if now >= sweep_at:
            reports.sweep()
            sweep_at = now + _SWEEP_EVERY_S

    return keep


def say(database_url: str, report: WorkerReport) -> None:
    """Make this worker known before it takes anything."""
    with _reports(database_url) as reports:
        reports.say(report)


def take_back(database_url: str, report: WorkerReport) -> None:
    """Forget a worker that has ended; one that cannot say so is found to be silent."""
    if os.getpid() != report.pid:
        return  # a forked child, and its siblings may live
    try:
        with _reports(database_url) as reports:
            reports.forget(report.report_id)
    except AgentWorkersError as error:
        log.warning("report_not_taken_back", error=str(error))


@contextmanager
def _reports(database_url: str) -> Iterator[WorkerReports]:
    database = Database(database_url, pool_size=1, name="agent_workers worker", patience_s=5)
    try:
        yield WorkerReports(database)
    finally:
        database.close()
