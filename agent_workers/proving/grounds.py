"""Where trials take place: databases made from one template, a Redis, and the effect counter."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from redis import RedisError

from agent_workers.domain.errors import AgentWorkersError
from agent_workers.domain.ids import JobId, TenantId, time_ordered
from agent_workers.domain.job import Submission
from agent_workers.domain.step import Lane, StepKind
from agent_workers.domain.text.encoding import canonical
from agent_workers.local.migrations import upgrade
from agent_workers.orchestration.requests.control import Control
from agent_workers.state.database.engine import Database
from agent_workers.state.jobs.controls import Controls
from agent_workers.state.jobs.reads import Reads
from agent_workers.state.jobs.submissions import Pace, Submissions
from agent_workers.state.proving.proofs import (
    Proofs,
    add_counting_table,
    copy_database,
    run_outside,
    run_script,
)
from agent_workers.transport.doorbells.redis_bell import RedisBell, connected
from agent_workers.transport.doorbells.ring import Ring


@dataclass(frozen=True, slots=True, kw_only=True)
class Servers:
    """A Postgres on which databases may be made and dropped, and a Redis with nothing in it."""

    # Of the database `postgres`; the others differ in their last part only.
    postgres_url: str
    redis_url: str
    counter_url: str

    def url_of(self, database: str) -> str:
        return f"{self.postgres_url.rpartition('/')[0]}/{database}"

    def redis_of(self, number: int) -> str:
        return f"{self.redis_url.rpartition('/')[0]}/{number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One job to submit."""

    tenant_id: TenantId
    agent: str
    input: object
    plan_timeout_ms: int = 1_000
    priority: int = 0
    # Ring for a step that is not there: whoever answers takes what is due.
    astray: bool = False
    # Ring for nothing at all.
    unrung: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """One database and one Redis number, used by one trial at a time."""

    database_url: str
    broker_url: str
    database: Database

    @property
    def place(self) -> tuple[str, int]:
        """The host and the port of the database."""
        there = urlsplit(self.database_url)
        assert there.hostname is not None
        assert there.port is not None
        return there.hostname, there.port

    @property
    def proofs(self) -> Proofs:
        return Proofs(self.database)

    @property
    def reads(self) -> Reads:
        return Reads(self.database)

    @property
    def control(self) -> Control:
        return Control(Controls(self.database), ring=_to_nobody, tell=_to_nobody_either)

    def submit(self, asked: Asked) -> JobId:
        """Store a job and ring for it, as the API does."""
        job_id = JobId(time_ordered(time.time_ns() // 1_000_000, os.urandom(10)))
        submission = Submission(
            tenant_id=asked.tenant_id,
            job_id=job_id,
            agent=asked.agent,
            input=canonical(asked.input),
            priority=asked.priority,
        )
        pace = Pace(plan_timeout_ms=asked.plan_timeout_ms, plan_hold_micro=0)
        answer = Submissions(self.database).many([(submission, pace)])[0]
        if isinstance(answer, AgentWorkersError):
            raise answer
        if not asked.unrung:
            # A doorbell that cannot be rung is rung by the sweeper.
            with contextlib.suppress(RedisError, OSError):
                bell = RedisBell(self.broker_url, cap=64)
                bell.carry([_ring(asked, job_id)])
                bell.close()
        return job_id

    def clear(self) -> None:
        """Let nothing slow the next trial down: all jobs of a database share breakers and doorbells."""
        run_script(self.database_url, ("delete from breakers",))
        self.clear_doorbells()

    def clear_doorbells(self) -> None:
        redis = connected(self.broker_url)
        redis.flushdb()
        redis.close()

    def close(self) -> None:
        self.database.close()


def _ring(asked: Asked, job_id: JobId) -> Ring:
    return Ring(
        tenant_id=asked.tenant_id,
        job_id=job_id,
        position=7 if asked.astray else 0,
        kind=StepKind.PLAN,
        lane=Lane.PLAN,
    )


class Grounds:
    """Makes grounds as they are needed, from one migrated template."""

    def __init__(self, servers: Servers, *, prefix: str, statements: Sequence[str] = ()) -> None:
        self.servers = servers
        self._statements = statements
        self._prefix = prefix
        self._template = f"{prefix}_template"
        self._made: list[Ground] = []

    def prepare(self) -> None:
        """Make the template; nobody may be connected to it while it is copied."""
        copy_database(self.servers.postgres_url, "template1", self._template)
        url = self.servers.url_of(self._template)
        upgrade(url)
        add_counting_table(url)
        run_outside(url, self._statements)

    def make(self, number: int) -> Ground:
        name = f"{self._prefix}_{number}"
        copy_database(self.servers.postgres_url, self._template, name)
        url = self.servers.url_of(name)
        ground = Ground(
            database_url=url,
            # Number 0 is not ours, and there are sixteen.
            broker_url=self.servers.redis_of(1 + number % 15),
            database=Database(url, pool_size=2, name="agent_workers proof"),
        )
        self._made.append(ground)
        return ground

    def all(self) -> tuple[Ground, ...]:
        return tuple(self._made)

    def close(self) -> None:
        for ground in self._made:
            ground.close()


@contextmanager
def running_counter(folder: Path) -> Iterator[str]:
    """Run the external judge, and return its address."""
    process = subprocess.Popen(
        [sys.executable, "-m", "agent_workers.testing.counter", "--file", folder / "effects.jsonl"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        port = int(process.stdout.readline())
        yield f"http://127.0.0.1:{port}"
    finally:
        process.stdin.close()
        process.wait(10)
        process.stdout.close()


def _to_nobody(due: object, *, parent: str | None) -> None:
    """Nobody rings here: the keepers of the workers do, and that is part of the proof."""


def _to_nobody_either(job_id: JobId) -> None:
    """Nobody is waiting."""
