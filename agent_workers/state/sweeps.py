"""Sweeping: free what nobody holds, and say for which steps to ring."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from agent_workers.domain.claim import Due
from agent_workers.domain.step import Lane, StepKind
from agent_workers.state.claims import array
from agent_workers.state.engine import Connection, Database

_RING = 'select tenant_id, job_id, "position", kind, lane, high, rings from '
_GRACE = timedelta(seconds=10)
_AT_ONCE = 200
# Jobs that end together keep what others wait for, a budget or a session, until the last has ended.
_ENDED_AT_ONCE = 50


class Sweeps:
    def __init__(self, database: Database, *, poison_after: int = 3) -> None:
        self._database = database
        self._poison_after = poison_after

    def may(self, name: str, every: timedelta) -> bool:
        """Take this turn to sweep; false when somebody else swept just now."""
        with self._database.connection() as connection:
            row = connection.execute("select may_sweep(%s, %s)", (name, every)).fetchone()
        return bool(row and row[0])

    def lost(self, gone: Sequence[UUID]) -> list[Due]:
        """Free the safe work of workers whose lock is gone; `gone` are known to be dead."""
        with self._database.connection() as connection:
            return dues(
                connection,
                _RING + "free_lost(%s, %s::uuid[], %s)",
                (_GRACE, list(gone), self._poison_after),
            )

    def expired(self) -> list[Due]:
        with self._database.connection() as connection:
            return dues(connection, _RING + "free_expired(%s, %s)", (_AT_ONCE, self._poison_after))

    def overdue(self, busy: Sequence[Lane]) -> list[Due]:
        """Ready steps nobody came for; young ones wait on behind the queues of `busy` lanes."""
        with self._database.connection() as connection:
            return dues(connection, _RING + "ring_again(%s, %s::text[])", (_AT_ONCE, array(busy)))

    def deadlines(self) -> list[UUID]:
        """End the jobs whose time is up, and return them."""
        with self._database.connection() as connection:
            rows = connection.execute(
                "select job_id from pass_deadlines(%s)", (_ENDED_AT_ONCE,), binary=True
            ).fetchall()
        return [row[0] for row in rows]

    def next_due(self) -> tuple[datetime | None, datetime]:
        """When there is something to sweep next, and what time it is now."""
        with self._database.connection() as connection:
            row = connection.execute("select next_due(), clock_timestamp()").fetchone()
        assert row is not None
        return row[0], row[1]


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
