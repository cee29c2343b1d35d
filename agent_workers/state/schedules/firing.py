"""Firing schedules: one transaction for a few of one tenant, from their rows to the jobs of their ticks.

Any number of beats may do this at the same time: a row that one of them holds is skipped by the
others, and (schedule, fire time) is the key of a run and the source of its job's id.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from uuid import UUID

import psycopg.errors

from agent_workers.domain.errors import AgentWorkersError
from agent_workers.domain.ids import SCHEDULE_ID, TenantId
from agent_workers.domain.schedules.schedule import Origin, Overlap
from agent_workers.domain.schedules.target import (
    JobTarget,
)
from agent_workers.domain.schedules.terms import timing_of
from agent_workers.domain.schedules.ticks import due_ticks
from agent_workers.state.database.engine import Connection, Database
from agent_workers.state.schedules.rows import COLUMNS, ScheduleSeen, schedule_of
from agent_workers.state.schedules.ticking import Fired, run_tick

_IN_ONE_TURN = 20
_RUNS_IN_ONE_TURN = 20
# Each tenant's that have been due the longest.
_TURNS = f"""
select tenant_id, array_agg(schedule_id order by next_fire_at) from (
  select tenant_id, schedule_id, next_fire_at,
         row_number() over (partition by tenant_id order by next_fire_at) as turn
    from schedules
   where status = 'active' and next_fire_at <= coalesce(%(now)s, clock_timestamp())
     and schedule_id <> all(%(but)s::uuid[])) due
 where turn <= {_IN_ONE_TURN}
 group by tenant_id order by min(next_fire_at)"""
_DUE = f"""
select {COLUMNS}, coalesce(%(now)s, clock_timestamp()) from schedules
 where tenant_id = %(tenant)s and schedule_id = any(%(these)s::uuid[])
   and status = 'active' and next_fire_at <= coalesce(%(now)s, clock_timestamp())
 order by next_fire_at for update skip locked"""
_NEXT_WAITING = f"""
select {COLUMNS}, w.fire_at from schedules s, lateral (
         select fire_at, origin from schedule_runs r
          where r.tenant_id = s.tenant_id and r.schedule_id = s.schedule_id
            and r.state = 'waiting' order by fire_at limit 1) w
 where (tenant_id, schedule_id) in (
         select tenant_id, schedule_id from schedule_runs where state = 'waiting')
   and schedule_id <> all(%(but)s::uuid[]) and tenant_id <> all(%(served)s::text[])
   and (status <> 'paused' or w.origin = 'backfill')
   and (overlap = 'allow' or not exists (
         select from schedule_runs l
          where l.tenant_id = s.tenant_id and l.schedule_id = s.schedule_id
            and l.state = 'started' and run_is_live(l.tenant_id, l.job_id, l.batch_id)))
 order by w.fire_at limit 1 for update of s skip locked"""
_SKIP = "select skip_run(%s, %s, %s, %s, %s)"
_MOVE_ON = """
update schedules set next_fire_at = %s, last_fire_at = coalesce(%s, last_fire_at),
                     status = case when %s::timestamptz is null then 'completed' else status end
 where tenant_id = %s and schedule_id = %s"""
_SLEEP = """
select least(min(next_fire_at) - clock_timestamp(), interval '1 day'),
       exists (select from schedule_runs where state = 'waiting')
  from schedules where status = 'active' and schedule_id <> all(%s::uuid[])"""


class ScheduleBroken(AgentWorkersError):
    """One schedule cannot be fired; the others can."""

    code = "schedule_broken"

    def __init__(self, schedule_id: UUID, error: Exception) -> None:
        super().__init__(f"schedule {SCHEDULE_ID.written(schedule_id)}: {error!r}")
        self.schedule_id = schedule_id


class ScheduleFiring:
    def __init__(self, database: Database) -> None:
        self._database = database

    def turns(
        self, *, but: Collection[UUID] = (), now: datetime | None = None
    ) -> list[tuple[TenantId, list[UUID]]]:
        """Return what is due: of each tenant a few, so that nobody's many make another wait."""
        with self._database.connection() as connection:
            rows = connection.execute(_TURNS.encode(), {"now": now, "but": list(but)}).fetchall()
        return [(TenantId(tenant_id), these) for tenant_id, these in rows]

    def fire(
        self, tenant_id: TenantId, these: Collection[UUID], *, now: datetime | None = None
    ) -> list[Fired]:
        """Fire those of these schedules that are still due and that nobody else fires.

        The rest stays due behind one that needs a transaction for itself, and behind many runs.
        """
        asked = {"tenant": tenant_id, "these": list(these), "now": now}
        with self._database.transaction() as connection:
            fired: list[Fired] = []
            for row in connection.execute(_DUE.encode(), asked).fetchall():
                schedule = schedule_of(row[:-1])
                if fired and _locks_more(schedule):
                    break
                with _blaming(schedule.schedule_id):
                    fired.append(_fire(connection, schedule, row[-1].astimezone(UTC)))
                runs = sum(len(one.states) for one in fired)
                if _locks_more(schedule) or runs >= _RUNS_IN_ONE_TURN:
                    break
            return fired

    def start_waiting(
        self, *, but: Collection[UUID] = (), served: Collection[TenantId] = ()
    ) -> Fired | None:
        """Start a run that waited for another one's end; None when there is none to start."""
        asked = {"but": list(but), "served": list(served)}
        with self._database.transaction() as connection:
            row = connection.execute(_NEXT_WAITING.encode(), asked).fetchone()
            if row is None:
                return None
            schedule, fire_at = schedule_of(row[:-1]), row[-1].astimezone(UTC)
            with _blaming(schedule.schedule_id):
                return run_tick(
                    connection, "promote_run", schedule, fire_at, (schedule.terms.overlap,)
                )

    def until_next(self, *, but: Collection[UUID] = ()) -> tuple[float | None, bool]:
        """How many seconds from now the next schedule is due, and whether some run waits."""
        with self._database.connection() as connection:
            row = connection.execute(_SLEEP, (list(but),)).fetchone()
        assert row is not None
        return None if row[0] is None else row[0].total_seconds(), bool(row[1])


@contextmanager
def _blaming(schedule_id: UUID) -> Iterator[None]:
    """Say which schedule it was that broke; a lost connection is nobody's fault."""
    try:
        yield
    except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected) as error:
        raise ScheduleBroken(schedule_id, error) from error
    except (psycopg.OperationalError, psycopg.InterfaceError):
        raise
    except Exception as error:
        raise ScheduleBroken(schedule_id, error) from error


def _locks_more(schedule: ScheduleSeen) -> bool:
    """Say whether its run locks what others lock in an order of their own: jobs, or a session."""
    target = schedule.terms.target
    ends_others = schedule.terms.overlap is Overlap.CANCEL_RUNNING
    return ends_others or (isinstance(target, JobTarget) and bool(target.session_id))


def _fire(connection: Connection, schedule: ScheduleSeen, now: datetime) -> Fired:
    assert schedule.next_fire_at is not None
    terms, place = schedule.terms, (schedule.tenant_id, schedule.schedule_id)
    ticks = due_ticks(
        timing_of(terms),
        schedule.next_fire_at,
        now,
        catch_up=terms.catch_up,
        window=terms.window,
    )
    if ticks.skipped is not None:
        gap = ticks.skipped
        connection.execute(_SKIP, (*place, gap.first, gap.last, gap.reason))
    runs = [
        run_tick(connection, "fire_run", schedule, tick, (Origin.SCHEDULE, terms.overlap))
        for tick in ticks.fires
    ]
    last = ticks.fires[-1] if ticks.fires else None
    connection.execute(_MOVE_ON, (ticks.following, last, ticks.following, *place))
    return Fired(
        tenant_id=schedule.tenant_id,
        schedule_id=schedule.schedule_id,
        states=tuple(state for run in runs for state in run.states),
        skipped=ticks.skipped,
        due=tuple(due for run in runs for due in run.due),
        is_behind=ticks.following is not None and ticks.following <= now,
    )
