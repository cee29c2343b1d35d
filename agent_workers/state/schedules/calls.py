"""Keeping schedules: create, read, change, pause, resume and delete them."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from agent_workers.domain.errors import IllegalMove
from agent_workers.domain.ids import SCHEDULE_ID, TenantId
from agent_workers.domain.schedules.schedule import ScheduleNotFound, ScheduleStatus
from agent_workers.domain.schedules.terms import ScheduleTerms
from agent_workers.state.database.engine import Connection, Database
from agent_workers.state.database.pages import Page, read_page
from agent_workers.state.idempotency import take_key
from agent_workers.state.schedules.rows import COLUMNS, TERMS, ScheduleSeen, schedule_of, terms_row

_CREATE = f"""
insert into schedules (tenant_id, schedule_id, status, next_fire_at, {", ".join(TERMS)})
values (%s, %s, case when %s::timestamptz is null then 'completed' else 'active' end, %s,
        {", ".join("%s::jsonb" if name == "metadata" else "%s" for name in TERMS)})
returning {COLUMNS}"""
_ONE = f"select {COLUMNS} from schedules where tenant_id = %s and schedule_id = %s"
_PAGE = f"""
select {COLUMNS} from schedules
 where tenant_id = %(tenant_id)s and (%(status)s::text is null or status = %(status)s)
   and (%(at)s::timestamptz is null
        or (created_at, schedule_id) < (%(at)s, %(schedule_id)s::uuid))
 order by created_at desc, schedule_id desc"""
_CHANGE = f"""
update schedules
   set {", ".join(f"{n} = %s::jsonb" if n == "metadata" else f"{n} = %s" for n in TERMS)},
       next_fire_at = case when %s then %s else next_fire_at end, status = %s,
       version = version + 1, updated_at = clock_timestamp()
 where tenant_id = %s and schedule_id = %s and version = %s and status = %s
returning {COLUMNS}"""
_MOVE = f"""
update schedules set status = %s, next_fire_at = %s, version = version + 1,
                     updated_at = clock_timestamp()
 where tenant_id = %s and schedule_id = %s and version = %s and status = %s
returning {COLUMNS}"""
_DELETE = "delete from schedules where tenant_id = %s and schedule_id = %s"

Place = tuple[TenantId, UUID]


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A schedule that was made now, or before under the same key."""

    schedule: ScheduleSeen
    replayed: bool


class Schedules:
    def __init__(self, database: Database) -> None:
        self._database = database

    def now(self) -> datetime:
        """Return what time it is where schedules are kept."""
        with self._database.connection() as connection:
            row = connection.execute("select clock_timestamp()").fetchone()
        assert row is not None
        at: datetime = row[0]
        return at

    def create(
        self,
        place: Place,
        terms: ScheduleTerms,
        *,
        next_fire_at: datetime | None,
        key: str | None,
        fingerprint: bytes,
    ) -> Made:
        """Store a schedule with its key in one transaction, or find what the key made."""
        with self._database.transaction() as connection:
            if key is not None:
                before = take_key(connection, *place, key=key, fingerprint=fingerprint)
                if before is not None:
                    return Made(schedule=_one(connection, (place[0], before)), replayed=True)
            values = (*place, next_fire_at, next_fire_at, *terms_row(terms))
            row = connection.execute(_CREATE.encode(), values).fetchone()
        assert row is not None
        return Made(schedule=schedule_of(row), replayed=False)

    def one(self, place: Place) -> ScheduleSeen:
        with self._database.connection() as connection:
            return _one(connection, place)

    def page(
        self,
        tenant_id: TenantId,
        *,
        limit: int,
        status: str | None = None,
        behind: tuple[datetime, UUID] | None = None,
    ) -> Page[ScheduleSeen]:
        """List schedules, the newest first."""
        at, schedule_id = behind or (None, None)
        place = {"tenant_id": tenant_id, "at": at, "schedule_id": schedule_id}
        asked = place | {"status": status}
        return read_page(self._database, _PAGE, asked, limit=limit, seen=schedule_of)

    def change(
        self,
        seen: ScheduleSeen,
        terms: ScheduleTerms,
        *,
        status: ScheduleStatus,
        refire: bool,
        next_fire_at: datetime | None,
    ) -> ScheduleSeen | None:
        """Change what was seen; None when somebody else has changed it since."""
        values = (*terms_row(terms), refire, next_fire_at, status, *_as_seen(seen))
        return self._changed(_CHANGE, values)

    def move(
        self, seen: ScheduleSeen, status: ScheduleStatus, *, next_fire_at: datetime | None
    ) -> ScheduleSeen | None:
        """Pause or resume what was seen; None when somebody else has changed it since."""
        return self._changed(_MOVE, (status, next_fire_at, *_as_seen(seen)))

    def delete(self, place: Place) -> None:
        """Forget a schedule with its runs; jobs that it started go on."""
        with self._database.connection() as connection:
            if connection.execute(_DELETE, place).rowcount == 0:
                raise _none_here(place)

    def _changed(self, sql: str, values: tuple[object, ...]) -> ScheduleSeen | None:
        with self._database.connection() as connection:
            row = connection.execute(sql.encode(), values).fetchone()
        return None if row is None else schedule_of(row)


def changed_meanwhile(schedule_id: UUID) -> IllegalMove:
    return IllegalMove(
        f"other requests kept changing schedule {SCHEDULE_ID.written(schedule_id)}: try again"
    )


def _one(connection: Connection, place: Place) -> ScheduleSeen:
    row = connection.execute(_ONE.encode(), place).fetchone()
    if row is None:
        raise _none_here(place)
    return schedule_of(row)


def _none_here(place: Place) -> ScheduleNotFound:
    return ScheduleNotFound(f"there is no schedule {SCHEDULE_ID.written(place[1])}")


def _as_seen(seen: ScheduleSeen) -> tuple[object, ...]:
    return (seen.tenant_id, seen.schedule_id, seen.version, seen.status)
