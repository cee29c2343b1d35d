"""Circuit breakers in Postgres: read in one query, changed by compare-and-set."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta

from agent_workers.domain.breaker import Breaker, BreakerSeen, BreakerState
from agent_workers.domain.claim import Due
from agent_workers.domain.codec import plain
from agent_workers.domain.ids import TenantId
from agent_workers.state.database.engine import Database
from agent_workers.state.steps.sweeps import dues

# Longer than anything is remembered of one that is closed, or stays open without a probe.
_WELL = timedelta(minutes=10)
_FIELDS = (
    "name tenant_id state version failures successes window_began_at failed_for opens until reason"
    " by_hand probe_by probed_for changed_at"
).split()
_SELECT = f"""
select {", ".join(_FIELDS)}, clock_timestamp(), parked,
       probe_lock is not null and not exists (
         select from pg_locks l where l.locktype = 'advisory' and l.granted
            and ((l.classid::bigint << 32) | l.objid::bigint) = probe_lock
            and l.database = (select oid from pg_database where datname = current_database()))
  from breakers, lateral (select exists (
         select from waits w where w.kind = 'breaker' and w.answered_at is null
            and w.key = breakers.name and breakers.tenant_id in ('*', w.tenant_id)) as parked) p"""
_ONE = _SELECT + " where name = %s and tenant_id = %s"
_TROUBLED = _SELECT + " where state <> 'closed' or parked"
_ALL = _SELECT + " order by name, tenant_id"
_NOW = "select clock_timestamp()"
_PROBE_LOCK = """
case when %(state)s = 'half_open'
     then (select lock_key from workers where worker_id::text = %(probe_by)s and lost_at is null)
end"""
_WRITTEN = [field for field in _FIELDS if field not in {"name", "tenant_id", "version"}]
# Where one is added, those go that have long been well: there are never more than have failed lately.
_INSERT = f"""
with forgotten as (
  delete from breakers where (name, tenant_id) in (
    select name, tenant_id from breakers b
     where not by_hand and greatest(until, changed_at, window_began_at) < now() - %(well)s
       and not exists (select from waits w where w.kind = 'breaker' and w.answered_at is null
                          and w.key = b.name and b.tenant_id in ('*', w.tenant_id))
     order by name, tenant_id limit 100 for update skip locked))
insert into breakers (name, tenant_id, version, probe_lock, {", ".join(_WRITTEN)})
values (%(name)s, %(tenant_id)s, 1, {_PROBE_LOCK},
        {", ".join(f"%({field})s" for field in _WRITTEN)})
on conflict (name, tenant_id) do nothing"""
_UPDATE = f"""
update breakers set version = version + 1, probe_lock = {_PROBE_LOCK},
       woken_at = case when state = %(state)s then woken_at end,
       {", ".join(f"{field} = %({field})s" for field in _WRITTEN)}
 where name = %(name)s and tenant_id = %(tenant_id)s and version = %(version)s"""
_WAKE = 'select tenant_id, job_id, "position", kind, lane, high, rings from wake_breaker(%s, %s)'


class BreakerRows:
    def __init__(self, database: Database) -> None:
        self._database = database

    def see(self, name: str, tenant_id: TenantId) -> BreakerSeen:
        """Read one breaker; one that has no row is closed."""
        with self._database.connection() as connection:
            row = connection.execute(_ONE.encode(), (name, tenant_id), binary=True).fetchone()
            if row is not None:
                return _seen(row)
            now = connection.execute(_NOW, binary=True).fetchone()
        assert now is not None
        return BreakerSeen(breaker=Breaker(name=name, tenant_id=tenant_id), now=now[0])

    def troubled(self) -> Sequence[BreakerSeen]:
        """Read those that are not closed, or that steps still wait for."""
        return self._read(_TROUBLED)

    def all(self) -> Sequence[BreakerSeen]:
        return self._read(_ALL)

    def swap(self, before: Breaker, after: Breaker) -> Breaker | None:
        """Write what was made of a breaker, unless somebody else changed it first."""
        values = asdict(after) | {"version": before.version, "reason": plain(after.reason)}
        values |= {"failed_for": list(after.failed_for), "well": _WELL}
        statement = _INSERT if before.version == 0 else _UPDATE
        with self._database.connection() as connection:
            written = connection.execute(statement.encode(), values).rowcount
        return replace(after, version=before.version + 1) if written else None

    def wake(self, name: str, tenant_id: TenantId) -> Sequence[Due]:
        """Let some of the steps go on that wait for it; returns for which to ring."""
        with self._database.connection() as connection:
            return dues(connection, _WAKE, (name, tenant_id))

    def _read(self, statement: str) -> Sequence[BreakerSeen]:
        with self._database.connection() as connection:
            rows = connection.execute(statement.encode(), binary=True).fetchall()
        return [_seen(row) for row in rows]


def _seen(row: Sequence[object]) -> BreakerSeen:
    values = dict(zip(_FIELDS, row, strict=False))
    values["state"] = BreakerState(str(values["state"]))
    values["failed_for"] = tuple(values["failed_for"])  # type: ignore[arg-type]  # as below
    now, parked, probe_lost = row[len(_FIELDS) :]
    assert isinstance(now, datetime)
    return BreakerSeen(
        breaker=Breaker(**values),  # type: ignore[arg-type]  # the SELECT above is the type
        now=now,
        parked=bool(parked),
        probe_lost=bool(probe_lost),
    )
