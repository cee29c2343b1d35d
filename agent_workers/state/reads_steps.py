"""Reading what belongs to a job: its steps and the numbered events of its journal."""

from dataclasses import dataclass
from datetime import datetime

from agent_workers.domain.ids import JobId, TenantId
from agent_workers.state.engine import Database

_STEP_FIELDS = (
    "position round kind lane status tool call_id arguments effect fence tries deaths due_at"
    " claimed_at done_at task_id outcome_type outcome last_error"
).split()
_STEPS = f"""
select {", ".join(f'"{field}"' for field in _STEP_FIELDS)} from steps
 where tenant_id = %s and job_id = %s and "position" > %s order by "position" limit %s"""
_JOB = """
select journal_number, finished_at is not null from jobs where tenant_id = %s and job_id = %s"""
_EVENTS = """
select number, type, at, data from journal
 where tenant_id = %s and job_id = %s and number > %s order by number limit %s"""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepSeen:
    position: int
    round: int
    kind: str
    lane: str
    status: str
    tool: str
    call_id: str
    arguments: bytes | None
    effect: str
    fence: int
    tries: int
    deaths: int
    due_at: datetime
    claimed_at: datetime | None
    done_at: datetime | None
    task_id: str | None
    outcome_type: str | None
    outcome: bytes | None
    last_error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSeen:
    """One journal entry; its data is a JSON object as it was stored."""

    number: int
    type: str
    at: datetime
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Events:
    """A stretch of a job's journal, and where the journal stood before it was read."""

    last_number: int
    finished: bool
    events: tuple[EventSeen, ...]


class StepReads:
    def __init__(self, database: Database) -> None:
        self._database = database

    def steps(
        self, tenant_id: TenantId, job_id: JobId, *, after: int = -1, limit: int = 1_000
    ) -> list[StepSeen]:
        with self._database.connection() as connection:
            arguments = (tenant_id, job_id, after, limit)
            rows = connection.execute(_STEPS, arguments, binary=True).fetchall()
        return [StepSeen(**dict(zip(_STEP_FIELDS, row, strict=True))) for row in rows]

    def events(
        self, tenant_id: TenantId, job_id: JobId, *, after: int = 0, limit: int = 200
    ) -> Events | None:
        """Read the events behind a number; None when the tenant has no such job."""
        with self._database.connection() as connection:
            job = connection.execute(_JOB, (tenant_id, job_id), binary=True).fetchone()
            if job is None:
                return None
            rows = []
            if job[0] > after:
                arguments = (tenant_id, job_id, after, limit)
                rows = connection.execute(_EVENTS, arguments, binary=True).fetchall()
        return Events(
            last_number=job[0],
            finished=job[1],
            events=tuple(
                EventSeen(number=number, type=type_, at=at, data=data)
                for number, type_, at, data in rows
            ),
        )
