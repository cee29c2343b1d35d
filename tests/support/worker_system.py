"""Real worker processes on real servers, as an operator starts them, and jobs to keep them busy."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from agent_workers.domain.ids import JobId, TenantId, time_ordered
from agent_workers.domain.job import JobStatus, Submission
from agent_workers.domain.step import Lane, StepKind
from agent_workers.state.database.engine import Database
from agent_workers.state.jobs.reads import JobSeen, Reads
from agent_workers.state.jobs.steps import EventSeen, StepReads, StepSeen
from agent_workers.state.jobs.submissions import Pace, Submissions
from agent_workers.transport.doorbells.nudge import Nudge
from agent_workers.transport.doorbells.ring import Ring
from tests.support.repository import ROOT

AGENTS = "tests.integration.programs.worker_agents"
PEPPER = "only for tests, never else"
PATIENCE_S = 30.0
# Importing what calls models is seconds of computing, and half a minute where three suites run.
READY_S = 120.0
TENANT = TenantId("acme")


def until(holds: Callable[[], object], what: str, patience_s: float = PATIENCE_S) -> None:
    deadline = time.monotonic() + patience_s
    while not holds():
        assert time.monotonic() < deadline, f"waited {patience_s} s in vain until {what}"
        time.sleep(0.02)


@dataclass(slots=True, kw_only=True)
class Program:
    """One process of ours, with its output in a file; it leads a process group of its own."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def is_alive(self) -> bool:
        return self.process.poll() is None

    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def events(self) -> list[dict[str, Any]]:
        """Its log as the events it holds; a line that is no JSON fails the test."""
        return [json.loads(line) for line in self.output().splitlines()]

    def owns(self, pid: int) -> bool:
        return pid == self.pid or pid in [one.pid for one in psutil.Process(self.pid).children()]

    def kill(self) -> None:
        """Kill it with all its children, as a machine that loses power does."""
        os.killpg(self.pid, signal.SIGKILL)
        self.process.wait()

    def end(self) -> int:
        """Ask it to end, wait, and return its exit code."""
        self.process.terminate()
        try:
            return self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            os.killpg(self.pid, signal.SIGABRT)  # they write down where each thread is
            self.process.wait()
            raise AssertionError(f"it does not end: {self.output()}") from None


@dataclass(slots=True, kw_only=True)
class System:
    """A database and a broker, with whatever processes a test starts on them."""

    database: Database
    broker_url: str
    folder: Path
    variables: dict[str, str] = field(default_factory=dict)
    _stack: ExitStack = field(default_factory=ExitStack)
    _nudge: Nudge | None = None

    def start(self, name: str, *module: str, variables: Mapping[str, str] | None = None) -> Program:
        """Run `python -m MODULE…` with our settings, until the end of the test at most."""
        log = self.folder / f"{name}.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", *module],
                cwd=ROOT,
                env=self._environment() | dict(variables or {}),
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._stack.callback(_end, process)
        return Program(process=process, log=log)

    def worker(
        self,
        name: str = "worker",
        *,
        lanes: str = "plan,tool,evaluate",
        pool: str = "threads",
        **variables: str,
    ) -> Program:
        """Start a worker and wait until it consumes."""
        program = self.start_worker(name, lanes=lanes, pool=pool, **variables)
        until(
            lambda: " ready." in program.output() or not program.is_alive,
            f"{name} is ready",
            READY_S,
        )
        assert program.is_alive, program.output()
        return program

    def start_worker(
        self, name: str, *, lanes: str = "plan,tool,evaluate", pool: str, **variables: str
    ) -> Program:
        options = ("--lanes", lanes, "--pool", pool, "--concurrency", "2", "--name", name)
        return self.start(name, "agent_workers.worker.programs.main", *options, variables=variables)

    def submit(
        self, agent: str = "napping", *, allowance: int = 0, max_steps: int = 1_000, **given: object
    ) -> JobId:
        """Store a job and ring for it, as the API does."""
        job_id = JobId(time_ordered(time.time_ns() // 1_000_000, os.urandom(10)))
        submission = Submission(
            tenant_id=TENANT,
            job_id=job_id,
            agent=agent,
            input=json.dumps(given).encode(),
            max_cost_micro=allowance,
            max_steps=max_steps,
        )
        pace = Pace(plan_timeout_ms=60_000, plan_hold_micro=0)
        Submissions(self.database).once((submission, pace), key=None, fingerprint=b"")
        self.ring(job_id)
        return job_id

    def ring(self, job_id: JobId) -> None:
        if self._nudge is None:
            self._nudge = Nudge(self.broker_url)
            self._stack.callback(self._nudge.close)
        first = Ring(
            tenant_id=TENANT, job_id=job_id, position=0, kind=StepKind.PLAN, lane=Lane.PLAN
        )
        self._nudge.ring([first])

    def job(self, job_id: JobId) -> JobSeen:
        seen = Reads(self.database).job(TENANT, job_id)
        assert seen is not None
        return seen

    def steps(self, job_id: JobId) -> Sequence[StepSeen]:
        return StepReads(self.database).steps(TENANT, job_id).rows

    def wait_for(self, *jobs: JobId, patience_s: float = PATIENCE_S) -> None:
        until(lambda: all(self.job(job).finished for job in jobs), "all have ended", patience_s)
        assert {self.job(job).status for job in jobs} == {JobStatus.SUCCEEDED}

    # Any: a column of whatever type the query names.
    def ask(self, sql: str, *values: object) -> Any:
        with self.database.connection() as connection:
            row = connection.execute(sql.encode(), values).fetchone()
        return None if row is None else row[0]

    def journal(self, job_id: JobId) -> Sequence[EventSeen]:
        events = StepReads(self.database).events(TENANT, job_id)
        assert events is not None
        return events.events

    def holder(self, job_id: JobId) -> int | None:
        """The process that is doing a tool step of this job now."""
        pid: int | None = self.ask(
            "select w.pid from steps s join workers w on w.worker_id = s.claimed_by"
            " where s.job_id = %s and s.status = 'claimed' and s.kind = 'tool'",
            job_id,
        )
        return pid

    def held(self, job_id: JobId) -> int:
        """The process that does a tool step of this job, as soon as there is one."""
        found: list[int | None] = []

        def look() -> bool:
            found.append(self.holder(job_id))
            return found[-1] is not None

        until(look, "a tool step of the job is being done")
        assert found[-1] is not None
        return found[-1]

    def end_all_jobs(self) -> None:
        """Leave no work behind for the workers of the next test."""
        self.ask(
            "select stop_job(tenant_id, job_id, 'canceled', null, 'tested', true) from jobs"
            " where finished_at is null"
        )
        self.ask("delete from workers returning 1")

    def worker_pids(self) -> set[int]:
        """The processes that the database knows as workers."""
        with self.database.connection() as connection:
            return {row[0] for row in connection.execute("select pid from workers").fetchall()}

    def close(self) -> None:
        self._stack.close()

    def _environment(self) -> dict[str, str]:
        ours = os.environ  # noqa: TID251 (a child gets all of it but our settings)
        return {
            **{name: value for name, value in ours.items() if not name.startswith("AGENT_")},
            "PYTHONFAULTHANDLER": "1",
            "AGENT_DATABASE_URL": self.database.url,
            "AGENT_BROKER_URL": self.broker_url,
            "AGENT_SECRET_PEPPER": PEPPER,
            "AGENT_TOOLS": AGENTS,
            "AGENT_SPILL_DIR": str(self.folder / "evidence"),
            **self.variables,
        }


@contextmanager
def system(database: Database, broker_url: str, folder: Path, **variables: str) -> Iterator[System]:
    running = System(
        database=database, broker_url=broker_url, folder=folder, variables=dict(variables)
    )
    try:
        yield running
    finally:
        running.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
