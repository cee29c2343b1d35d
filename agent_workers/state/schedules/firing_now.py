"""Firing a schedule out of turn: now, whatever its time and its status."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from agent_workers.domain.ids import SCHEDULE_ID
from agent_workers.domain.schedules.schedule import Origin, Overlap, ScheduleNotFound
from agent_workers.state.database.engine import Database
from agent_workers.state.idempotency import take_key
from agent_workers.state.schedules.calls import Place
from agent_workers.state.schedules.rows import COLUMNS, schedule_of
from agent_workers.state.schedules.ticking import Fired, run_tick

_LOCKED = f"""
select {COLUMNS}, clock_timestamp() from schedules
 where tenant_id = %s and schedule_id = %s for update"""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICRO = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Triggered:
    """The run that was asked for now, or before under the same key."""

    fire_at: datetime
    fired: Fired | None = None


class ScheduleTriggers:
    def __init__(self, database: Database) -> None:
        self._database = database

    def trigger(
        self, place: Place, overlap: Overlap | None, *, key: str | None = None, fingerprint: bytes
    ) -> Triggered:
        """Make a run of this moment, with its key in one transaction."""
        with self._database.transaction() as connection:
            row = connection.execute(_LOCKED.encode(), place).fetchone()
            if row is None:
                raise ScheduleNotFound(f"there is no schedule {SCHEDULE_ID.written(place[1])}")
            schedule, now = schedule_of(row[:-1]), row[-1].astimezone(UTC)
            if key is not None:
                # A run has no id of its own but its time; a key stands for a UUID.
                own = UUID(int=(now - _EPOCH) // _MICRO)
                before = take_key(connection, place[0], own, key=key, fingerprint=fingerprint)
                if before is not None:
                    return Triggered(fire_at=_EPOCH + before.int * _MICRO)
            words = (Origin.TRIGGER, overlap or schedule.terms.overlap)
            return Triggered(
                fire_at=now, fired=run_tick(connection, "fire_run", schedule, now, words)
            )
