"""Reading what belongs to a job: its steps and the numbered events of its journal."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from agent_workers.domain.ids import JobId, TenantId
from agent_workers.state.database.engine import Database
from agent_workers.state.database.pages import Page, Row, read_page

_STEP_FIELDS = (
    "position round kind lane status tool call_id arguments effect fence tries deaths due_at"
    " claimed_at done_at task_id outcome_type outcome last_error error"
).split()
_STEPS = f"""
select {", ".join(f'"{field}"' for field in _STEP_FIELDS)} from steps
 where tenant_id = %(tenant_id)s and job_id = %(job_id)s and "position" > %(after)s
 order by "position" """
_JOB = """
select journal_number, finished_at is not null from jobs where tenant_id = %s and job_id = %s"""
_EVENTS = """
select number, type, at, data from journal
 where tenant_id = %(tenant_id)s and job_id = %(job_id)s and number > %(after)s order by number"""


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
    # JSON as it was stored.
    error: bytes | None


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
    events: Sequence[EventSeen]


class StepReads:
    def __init__(self, database: Database) -> None:
        self._database = database

    def steps(
        self, tenant_id: TenantId, job_id: JobId, *, after: int = -1, limit: int = 1_000
    ) -> Page[StepSeen]:
        asked = {"tenant_id": tenant_id, "job_id": job_id, "after": after}
        return read_page(self._database, _STEPS, asked, limit=limit, seen=_step)

    def events(
        self, tenant_id: TenantId, job_id: JobId, *, after: int = 0, limit: int = 200
    ) -> Events | None:
        """Read the events behind a number; None when the tenant has no such job."""
        with self._database.connection() as connection:
            job = connection.execute(_JOB, (tenant_id, job_id), binary=True).fetchone()
        if job is None:
            return None
        events: Sequence[EventSeen] = ()
        if job[0] > after:
            asked = {"tenant_id": tenant_id, "job_id": job_id, "after": after}
            events = read_page(self._database, _EVENTS, asked, limit=limit, seen=_event).rows
        return Events(last_number=job[0], finished=job[1], events=events)


def _step(row: Row) -> StepSeen:
    return StepSeen(**dict(zip(_STEP_FIELDS, row, strict=True)))


def _event(row: Row) -> EventSeen:
    number, type_, at, data = row
    return EventSeen(number=number, type=type_, at=at, data=data)
