"""A worker process's parts, opened in the test's own process, and jobs to give it."""

import json
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from uuid import uuid4

import pytest

from agent_workers.domain.ids import JobId, TenantId
from agent_workers.domain.job import Submission
from agent_workers.domain.step import Lane
from agent_workers.embedded.redis import EmbeddedRedis
from agent_workers.execution.agents.registry import load
from agent_workers.execution.tools.builtins import builtin_tools
from agent_workers.settings import Settings
from agent_workers.state.database.engine import Database
from agent_workers.state.jobs.submissions import Pace, Submissions
from agent_workers.worker.runtime import Runtime, open_runtime
from tests.support.database import database, tenant
from tests.support.worker_system import PEPPER

__all__ = ["database", "tenant"]

AGENTS = "tests.integration.worker.agents"
LANES = (Lane.PLAN, Lane.TOOL, Lane.EVALUATE)


class Bench:
    """One tenant's jobs, and the runtimes that do them."""

    def __init__(self, database: Database, tenant: TenantId, settings: Settings) -> None:
        self.database = database
        self.tenant = tenant
        self.settings = settings
        self.opened: list[Runtime] = []

    def runtime(
        self, *, lanes: tuple[Lane, ...] = LANES, slots: int = 4, module: str = AGENTS
    ) -> Runtime:
        registry = load([module], beside=builtin_tools())
        runtime = open_runtime(self.settings, registry, lanes=lanes, slots=slots)
        self.opened.append(runtime)
        return runtime

    def submit(
        self,
        wish: object,
        *,
        agent: str = "told",
        hold: int = 0,
        max_cost_micro: int = 0,
        deadline: timedelta | None = None,
        timeout_ms: int = 2_000,
    ) -> JobId:
        job_id = JobId(uuid4())
        job = Submission(
            tenant_id=self.tenant,
            job_id=job_id,
            agent=agent,
            input=json.dumps(wish).encode(),
            max_cost_micro=max_cost_micro,
            deadline=deadline,
        )
        Submissions(self.database).many(
            [(job, Pace(plan_timeout_ms=timeout_ms, plan_hold_micro=hold))]
        )
        return job_id

    def deliver(self, runtime: Runtime, job_id: JobId, position: int = 0) -> int:
        return runtime.deliver(self.tenant, job_id.hex, position, None)

    def ask(self, sql: str, *values: object) -> list[tuple[object, ...]]:
        with self.database.connection() as connection:
            return connection.execute(sql.encode(), values).fetchall()

    def ask_nothing(self, sql: str) -> None:
        with self.database.connection() as connection:
            connection.execute(sql.encode())

    def output(self, job_id: JobId) -> object:
        status, output, error = self.ask(
            "select status, output, error from jobs where job_id = %s", job_id
        )[0]
        assert status == "succeeded", (status, error)
        assert isinstance(output, bytes)
        return json.loads(output)

    def until(self, holds: Callable[[], object], what: str, *, patience_s: float = 15) -> None:
        end = time.monotonic() + patience_s
        while not holds():
            assert time.monotonic() < end, what
            time.sleep(0.02)

    def status(self, job_id: JobId) -> str:
        return str(self.ask("select status from jobs where job_id = %s", job_id)[0][0])

    def until_done(self, job_id: JobId, runtime: Runtime) -> None:
        """Do what is due until the job has ended, as rings would have it."""

        def ended() -> bool:
            self.deliver(runtime, job_id, -1)
            return self.status(job_id) in {"succeeded", "failed", "canceled"}

        self.until(ended, f"the job is {self.status(job_id)}")


@pytest.fixture
def bench(database: Database, tenant: TenantId, redis_server: EmbeddedRedis) -> Iterator[Bench]:
    settings = Settings(
        database_url=database.url,
        broker_url=redis_server.url,
        secret_pepper=PEPPER,
        env="test",
        db_pool_size=6,
    )
    opened = Bench(database, tenant, settings)
    yield opened
    for runtime in opened.opened:
        runtime.close()
