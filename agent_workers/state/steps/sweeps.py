"""Sweeping: find what is due, free what nobody holds, and say for which steps to ring."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from agent_workers.domain.claim import Due
from agent_workers.domain.ids import WorkerId
from agent_workers.domain.step import Lane, StepKind
from agent_workers.state.database.bounds import FROM_THE_BEGINNING, Bounds
from agent_workers.state.database.engine import Connection, Database
from agent_workers.state.steps.claims import array

_RING = 'select tenant_id, job_id, "position", kind, lane, high, rings from '
_ALONE = _RING + "may_sweep(%s) as mine, lateral "
_LOST = _ALONE + "free_lost(%s, %s::uuid[], %s) where mine"
_EXPIRED = _ALONE + "free_expired(%s, %s, %s) where mine"
_OVERDUE = _ALONE + "ring_again(%s, %s::text[], %s) where mine"
_DEADLINES = """
select job_id from may_sweep(%s) as mine, lateral pass_deadlines(%s, %s) where mine"""
_LOOK = """
select at, writing, passed, ring_at, lease_until, timer_at, batch_at, session_at, lost,
       neighbours, holds, passed_for_holds, breakers, mcp_versions, mcp_due
  from look_around(%s, %s::text[], %s, %s, %s, %s)"""
_GRACE = timedelta(seconds=10)
_AT_ONCE = 200
# Jobs that end together keep what others wait for, a budget or a session, until the last has ended.
_ENDED_AT_ONCE = 50
# Of these kinds are the times in `since`: rings, leases, timers, batches, sessions.
_KINDS, LEASES = 5, 1
# A look from the beginning heals what a look from a remembered place cannot find, should there be
# such a thing. Its cost grows while an old snapshot is open, so it may take one percent of our time.
_AFRESH_EVERY_S = 2.0
_AFRESH_S_PER_ENTRY = 30e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What there is to do, and from when on; a time is that of the first row that is due, or soon."""

    at: datetime
    # How many index entries were passed, those of finished work included.
    passed: int
    ring_at: datetime | None
    lease_until: datetime | None
    timer_at: datetime | None
    batch_at: datetime | None
    session_at: datetime | None
    # Some worker's lock is gone.
    lost: bool
    # The registered processes of this host, with the pid and start time they had.
    neighbours: Sequence[tuple[UUID, int, int]]
    # The database believes that this process has held a step for some time.
    holds: bool
    # How many index entries were passed to find that out.
    passed_for_holds: int
    # Some breaker is not closed, or some step waits for one.
    breakers: bool
    mcp_versions: tuple[int, int]
    mcp_due: bool

    def is_due(self, when: datetime | None) -> bool:
        return when is not None and when <= self.at

    @property
    def next_in_s(self) -> float | None:
        """How long until something is due; None when nothing becomes due soon."""
        times = (self.ring_at, self.lease_until, self.timer_at, self.batch_at, self.session_at)
        known = [one for one in times if one is not None]
        return (min(known) - self.at).total_seconds() if known else None


class Sweeps:
    """The looks and sweeps of one process, one thread at a time."""

    def __init__(
        self,
        database: Database,
        *,
        poison_after: int = 3,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._poison_after = poison_after
        self._clock = clock
        self._bounds = Bounds.none(_KINDS)
        self._afresh_at = float("-inf")

    @property
    def since(self) -> tuple[datetime, ...]:
        """From where the next look begins, unless it begins at the beginning."""
        return self._bounds.since

    def look(self, *, worker_id: WorkerId | None, host: str, holds: bool = False) -> Seen:
        """Look around; `holds`: also at what the database believes this worker to hold."""
        now = self._clock()
        afresh = now >= self._afresh_at
        bounds = Bounds.none(_KINDS) if afresh else self._bounds
        arguments = (
            list(bounds.since),
            list(bounds.writers),
            [writer.since for writer in bounds.writers.values()],
            *(worker_id, host, holds),
        )
        with self._database.connection() as connection:
            row = connection.execute(_LOOK, arguments).fetchone()
        assert row is not None
        at, writing, passed, *rest = row
        # A look from the beginning, too, has to know how long transactions have been open.
        self._bounds = self._bounds.after(at, writing, rest[:_KINDS])
        if afresh:
            self._afresh_at = now + max(_AFRESH_EVERY_S, passed * _AFRESH_S_PER_ENTRY)
        return _seen(row)

    def lost(self, gone: Sequence[UUID]) -> list[Due]:
        """Free the safe work of workers whose lock is gone; `gone` are known to be dead."""
        with self._database.connection() as connection:
            return dues(connection, _LOST, ("workers", _GRACE, list(gone), self._poison_after))

    def expired(self, since: datetime | None = None) -> list[Due]:
        """Free what is held beyond its lease; no lease before `since` is open."""
        arguments = ("leases", _AT_ONCE, self._poison_after, since or FROM_THE_BEGINNING)
        with self._database.connection() as connection:
            return dues(connection, _EXPIRED, arguments)

    def overdue(self, busy: Sequence[Lane], since: datetime | None = None) -> list[Due]:
        """Ready steps nobody came for; young ones wait on behind the queues of `busy` lanes."""
        arguments = ("rings", _AT_ONCE, array(busy), since or FROM_THE_BEGINNING)
        with self._database.connection() as connection:
            return dues(connection, _OVERDUE, arguments)

    def deadlines(self, since: datetime | None = None) -> list[UUID]:
        """End the jobs whose time is up, and return them."""
        arguments = ("timers", _ENDED_AT_ONCE, since or FROM_THE_BEGINNING)
        with self._database.connection() as connection:
            rows = connection.execute(_DEADLINES, arguments, binary=True).fetchall()
        return [row[0] for row in rows]


def _seen(row: Sequence[object]) -> Seen:
    values = dict(zip(_FIELDS, row, strict=True))
    del values["writing"]
    neighbours = values["neighbours"]
    assert isinstance(neighbours, list | None)
    values["neighbours"] = [(UUID(one), pid, began) for one, pid, began in neighbours or ()]
    versions = values["mcp_versions"]
    assert isinstance(versions, list)
    values["mcp_versions"] = tuple(versions)
    return Seen(**values)  # type: ignore[arg-type]  # the SELECT above is the type


_FIELDS = (
    "at writing passed ring_at lease_until timer_at batch_at session_at lost neighbours holds"
    " passed_for_holds breakers mcp_versions mcp_due"
).split()


def dues(connection: Connection, sql: str, arguments: tuple[object, ...]) -> list[Due]:
    """Read rows of the SQL type `ring`."""
    rows = connection.execute(sql, arguments, binary=True).fetchall()
    return [
        Due(
            tenant_id=tenant_id,
            job_id=job_id,
            position=position,
            kind=StepKind(kind),
            lane=Lane(lane),
            high=high,
            rings=rings,
        )
        for tenant_id, job_id, position, kind, lane, high, rings in rows
    ]
