"""What the transport's integration tests share: a worker process, its journal, rings, waiting."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

from agent_workers.domain.ids import JobId, TenantId
from agent_workers.domain.step import Lane, StepKind
from agent_workers.transport.doorbells.ring import Ring
from tests.support.repository import ROOT

PATIENCE_S = 40.0


def until(condition: Callable[[], bool], what: str, patience_s: float = PATIENCE_S) -> None:
    deadline = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline, f"waited {patience_s} s in vain until {what}"
        time.sleep(0.02)


def a_ring(
    *, sleep_ms: int = 0, job_id: UUID | None = None, high: bool = False, lane: Lane = Lane.TOOL
) -> Ring:
    return Ring(
        tenant_id=TenantId("acme"),
        job_id=JobId(job_id or uuid4()),
        position=sleep_ms,
        kind=StepKind.TOOL,
        lane=lane,
        high=high,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerProcess:
    process: subprocess.Popen[bytes]
    journal: Path
    log: Path

    @property
    def is_alive(self) -> bool:
        return self.process.poll() is None

    @property
    def is_ready(self) -> bool:
        return b" ready." in self.log.read_bytes()

    def times(self, event: str) -> dict[str, float]:
        """When each job's task started, or ended, on the clock of this machine; in that order."""
        if not self.journal.exists():
            return {}
        lines = [line.split() for line in self.journal.read_text().splitlines()]
        return {job: float(at) for name, job, at in lines if name == event}

    def has(self, event: str, *rings: Ring) -> bool:
        return {ring.job_id.hex for ring in rings} <= self.times(event).keys()


@contextmanager
def worker(
    broker_url: str, folder: Path, *, pool: str, concurrency: int, events: bool = True
) -> Iterator[WorkerProcess]:
    journal, log = folder / f"{pool}.journal", folder / f"{pool}.log"
    command = [sys.executable, "-m", "tests.integration.transport.worker"]
    arguments = [broker_url, str(journal), pool, str(concurrency), str(events)]
    with log.open("wb") as out:
        process = subprocess.Popen(
            command + arguments, stdout=out, stderr=subprocess.STDOUT, cwd=ROOT
        )
    started = WorkerProcess(process=process, journal=journal, log=log)
    try:
        until(lambda: started.is_ready or not started.is_alive, "the worker is ready")
        assert started.is_alive, log.read_text()
        yield started
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
