"""The runs of a schedule as callers may see them, and asking for runs of the past."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from uuid import UUID

from agent_workers.state.database.engine import Database
from agent_workers.state.database.pages import Page, read_page
from agent_workers.state.schedules.calls import Place


class RunStatus(StrEnum):
    """What became of a run: where it started something, what became of that."""

    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELED = "canceled"
    SKIPPED = "skipped"


_STATUS = """
case when r.state = 'waiting' then 'queued'
     when r.state in ('skipped', 'failed') then r.state
     when coalesce(j.status, b.status) in ('succeeded', 'completed') then 'completed'
     when coalesce(j.status, b.status) in ('failed', 'expired') then 'failed'
     when coalesce(j.status, b.status) = 'canceled' then 'canceled'
     when coalesce(j.status, b.status) is null then 'completed'
     when j.status = 'queued' then 'queued' else 'running' end"""
_RUNS = f"""
select * from (
  select r.fire_at, r.origin, {_STATUS} as status, r.reason, r.skipped_until, r.job_id,
         r.batch_id, r.started_at, coalesce(j.finished_at, b.finished_at)
    from schedule_runs r
    left join jobs j on j.tenant_id = r.tenant_id and j.job_id = r.job_id
    left join batches b on b.tenant_id = r.tenant_id and b.batch_id = r.batch_id
   where r.tenant_id = %(tenant_id)s and r.schedule_id = %(schedule_id)s
     and (%(fire_at)s::timestamptz is null or r.fire_at = %(fire_at)s)
     and (%(before)s::timestamptz is null or r.fire_at < %(before)s)) runs
 where %(status)s::text is null or status = %(status)s
 order by fire_at desc"""
_BACKFILL = "select backfill_runs(%s, %s, %s::timestamptz[])"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSeen:
    """One tick that somebody has decided about; skipped ones may stand for many."""

    fire_at: datetime
    origin: str
    status: RunStatus
    reason: str | None
    skipped_until: datetime | None
    job_id: UUID | None
    batch_id: UUID | None
    started_at: datetime | None
    finished_at: datetime | None


class ScheduleRuns:
    def __init__(self, database: Database) -> None:
        self._database = database

    def page(
        self,
        place: Place,
        *,
        limit: int,
        status: RunStatus | None = None,
        before: datetime | None = None,
    ) -> Page[RunSeen]:
        """List runs, the latest tick first."""
        return self._read(place, None, limit=limit, status=status, before=before)

    def one(self, place: Place, fire_at: datetime) -> RunSeen | None:
        return next(iter(self._read(place, fire_at, limit=1).rows), None)

    def ask_for(self, place: Place, ticks: Sequence[datetime]) -> int:
        """Let these ticks run that have not; returns how many will."""
        with self._database.connection() as connection:
            row = connection.execute(_BACKFILL, (*place, list(ticks))).fetchone()
        assert row is not None
        return int(row[0])

    def _read(
        self,
        place: Place,
        fire_at: datetime | None,
        *,
        limit: int,
        status: RunStatus | None = None,
        before: datetime | None = None,
    ) -> Page[RunSeen]:
        named = {"tenant_id": place[0], "schedule_id": place[1], "fire_at": fire_at}
        asked = named | {"status": status, "before": before}
        return read_page(self._database, _RUNS, asked, limit=limit, seen=_seen)


def _seen(row: Sequence[object]) -> RunSeen:
    names = RunSeen.__slots__
    fields = dict(zip(names, row, strict=True))
    fire_at = fields["fire_at"]
    assert isinstance(fire_at, datetime)
    changed = {"fire_at": fire_at.astimezone(UTC), "status": RunStatus(str(fields["status"]))}
    return RunSeen(**fields | changed)  # type: ignore[arg-type]  # columns have the fields' types
