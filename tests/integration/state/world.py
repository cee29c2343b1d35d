"""A tenant with its worker: the state's classes, and short ways to bring a job somewhere."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from agent_workers.domain import codec
from agent_workers.domain.claim import Claimed, Onward, Recorded
from agent_workers.domain.decision import Continue, Decision, Finish, Join, Park, TryAgain
from agent_workers.domain.effect import EffectClass
from agent_workers.domain.ids import JobId, TenantId, WorkerId
from agent_workers.domain.job import Submission
from agent_workers.domain.memory.session import OnBusy
from agent_workers.domain.step import Judged, Lane, NextStep, Planned, StepKind, ToolRan, Verdict
from agent_workers.state.database.engine import Database
from agent_workers.state.jobs.submissions import Pace, Submissions
from agent_workers.state.steps.claims import Claims
from agent_workers.state.steps.permits import Permits
from agent_workers.state.steps.records import Records
from agent_workers.state.steps.sweeps import Sweeps

ALL_LANES = tuple(Lane)
EVALUATE = NextStep(kind=StepKind.EVALUATE, lane=Lane.EVALUATE, timeout_ms=60_000, round=0)
PLANNED = Planned(calls=())
RAN = ToolRan(result=b'{"ok":true}')
FINISH = Finish(outcome=Judged(verdict=Verdict.ACCEPT, output=b'"done"'), output=b'"done"')
JOIN = Join(outcome=RAN, step=EVALUATE)
AGAIN = TryAgain(delay=timedelta(0), code="timeout", message="no reply")


def use(effect: EffectClass = EffectClass.PURE, *, hold: int = 0) -> NextStep:
    """A tool step of this class."""
    timed = effect in {EffectClass.RECONCILABLE, EffectClass.UNSAFE}
    return NextStep(
        kind=StepKind.TOOL,
        lane=Lane.EFFECT if timed else Lane.TOOL,
        timeout_ms=1_000,
        round=0,
        tool="pay",
        arguments=b'{"amount":1}',
        effect=effect,
        hold_micro=hold,
    )


@dataclass(frozen=True)
class World:
    database: Database
    tenant: TenantId
    worker: WorkerId

    def __init__(self, database: Database, tenant: TenantId) -> None:
        object.__setattr__(self, "database", database)
        object.__setattr__(self, "tenant", tenant)
        object.__setattr__(self, "worker", WorkerId(uuid4()))

    @property
    def claims(self) -> Claims:
        return Claims(self.database, self.worker)

    @property
    def records(self) -> Records:
        return Records(self.database, self.worker, carry=ALL_LANES)

    @property
    def permits(self) -> Permits:
        return Permits(self.database, self.worker)

    @property
    def sweeps(self) -> Sweeps:
        return Sweeps(self.database, poison_after=3)

    # Any: a column of whatever type the query names.
    def one(self, sql: str, *values: object) -> Any:
        """Run a query for its one value, or None."""
        with self.database.connection() as connection:
            cursor = connection.execute(sql.encode(), values)
            row = cursor.fetchone() if cursor.description else None
        return None if row is None else row[0] if len(row) == 1 else row

    def now(self) -> datetime:
        found: datetime = self.one("select clock_timestamp()")
        return found

    def somebody_waits(self) -> bool:
        """Say whether a transaction waits for a lock of another one."""
        sql = (
            "select exists (select from pg_stat_activity"
            " where datname = current_database() and wait_event_type = 'Lock')"
        )
        return bool(self.one(sql))

    def submit(  # noqa: PLR0913 (what jobs may differ in, each by its name)
        self,
        *,
        allowance: int = 0,
        hold: int = 0,
        max_steps: int = 1_000,
        deadline: timedelta | None = None,
        root: UUID | None = None,
        session: str = "",
        on_busy: OnBusy | None = None,
        said: bytes = b"{}",
        version: str = "",
    ) -> JobId:
        job = JobId(uuid4())
        submission = Submission(
            tenant_id=self.tenant,
            job_id=job,
            agent="demo",
            input=said,
            max_cost_micro=allowance,
            max_steps=max_steps,
            deadline=deadline,
            root_id=root,
            session_id=session,
            on_busy=on_busy,
        )
        pace = Pace(plan_timeout_ms=60_000, plan_hold_micro=hold, version=version)
        Submissions(self.database).once((submission, pace), key=None, fingerprint=b"")
        return job

    def claim(self, job: JobId, position: int = 0) -> Claimed:
        claimed = self.claims.named(self.tenant, job, position)
        assert claimed is not None, self.steps(job)
        return claimed

    def record(self, claimed: Claimed, decision: Decision, *, carry: bool = False) -> Recorded:
        written = b"" if isinstance(decision, TryAgain | Park) else codec.encode(decision.outcome)
        return self.records.record(claimed, decision, written=written, onward=Onward(carry=carry))

    def plan(self, job: JobId, *steps: NextStep) -> Recorded:
        """Do the job's first plan: these steps follow it."""
        return self.record(self.claim(job), Continue(outcome=PLANNED, steps=steps))

    def acting(self, effect: EffectClass = EffectClass.UNSAFE) -> Claimed:
        """A new job whose only tool step, of this class, is claimed."""
        job = self.submit()
        self.plan(job, use(effect))
        return self.claim(job, 1)

    def control(self, verb: str, job: JobId, *arguments: object) -> str:
        """Call one of the functions that a person's wish or a deadline ends in."""
        marks = ", ".join(["%s", *["%s"] * (1 + len(arguments))])
        return str(self.one(f"select {verb}({marks})", self.tenant, job, *arguments))

    def cancel(self, job: JobId) -> str:
        sql = "select stop_job(%s, %s, 'canceled', null, 'enough', false)"
        return str(self.one(sql, self.tenant, job))

    def pause(self, job: JobId) -> str:
        return self.control("pause_job", job, "lunch")

    def status(self, job: JobId) -> str:
        return str(self.job(job, "status"))

    # Any: see `one`.
    def job(self, job: JobId, columns: str) -> Any:
        sql = f"select {columns} from jobs where tenant_id = %s and job_id = %s"
        return self.one(sql, self.tenant, job)

    def step(self, job: JobId, position: int, columns: str = "status") -> Any:
        sql = f"select {columns} from steps where tenant_id=%s and job_id=%s and position=%s"
        return self.one(sql, self.tenant, job, position)

    def steps(self, job: JobId) -> list[str]:
        sql = (
            "select array_agg(status order by position) from steps where tenant_id=%s and job_id=%s"
        )
        return list(self.one(sql, self.tenant, job) or [])

    def journal(self, job: JobId) -> list[str]:
        sql = "select array_agg(type order by number) from journal where tenant_id=%s and job_id=%s"
        return list(self.one(sql, self.tenant, job) or [])

    def end_all(self) -> None:
        """End every tenant's jobs, whoever holds a permit."""
        stop = (
            "select count(stop_job(tenant_id, job_id, 'canceled', null, 'over', true)) from jobs"
            " where finished_at is null"
        )
        self.one(stop)
        # What was tried this often is not settled, but in doubt.
        self.one("update steps set tries = 25 where status in ('ready', 'claimed')")
        self.one(stop)
        self.one("update steps set lease_until = '2000-01-01' where status = 'claimed'")
        self.sweeps.expired()

    def expire(self, claimed: Claimed) -> None:
        """Let the lease of a step have run out."""
        self.one(
            "update steps set lease_until = '2000-01-01'"
            " where tenant_id = %s and job_id = %s and position = %s and status = 'claimed'",
            *(self.tenant, claimed.job_id, claimed.position),
        )

    def make_due(self, job: JobId, position: int) -> None:
        self.one(
            "update steps set due_at = clock_timestamp() - interval '1 second'"
            " where tenant_id = %s and job_id = %s and position = %s",
            *(self.tenant, job, position),
        )
