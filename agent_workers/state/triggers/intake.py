"""The intake of events: their jobs with their keys, and what cannot be taken, in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass

import psycopg
import psycopg.errors

from agent_workers.domain.errors import BudgetExceeded, KeyInFlight
from agent_workers.domain.ids import JobId, TenantId
from agent_workers.domain.job import KEY_KEPT_FOR
from agent_workers.state.database.engine import KEEPS_TOO_MUCH, Connection, Database
from agent_workers.state.jobs.submissions import SUBMISSIONS, Asked, submission_columns
from agent_workers.state.triggers.dead_letters import DeadLetter, digested, keep

_SUBMIT = f"select key, job_id, created from submit_many_once(%s::text[], %s, {SUBMISSIONS})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """The job that a key stands for, and whether it is a new one."""

    job_id: JobId
    created: bool


class EventsRefused(Exception):
    """The database refused one of these events for good; alone, the others may pass."""


class Intakes:
    def __init__(self, database: Database) -> None:
        self._database = database

    def take(
        self,
        tenant_id: TenantId,
        asked: Sequence[tuple[str, Asked]],
        letters: Sequence[DeadLetter],
    ) -> dict[str, Taken]:
        """Store each job unless its key was seen before, and keep the letters; all or nothing."""
        kept = digested(letters)  # while no connection is held
        # Caught inside: to the pool a lock that did not come is a broken connection.
        with self._database.connection() as connection:
            try:
                with connection.transaction():
                    keep(connection, tenant_id, kept)
                    return _submitted(connection, asked)
            except psycopg.errors.LockNotAvailable as error:
                raise KeyInFlight("another delivery of these events has not finished") from error
            except psycopg.DatabaseError as error:
                if error.sqlstate == "AW003":
                    raise BudgetExceeded(str(error.diag.message_primary)) from error
                if isinstance(error, psycopg.OperationalError) or error.sqlstate == KEEPS_TOO_MUCH:
                    raise
                raise EventsRefused(str(error.diag.message_primary or error)) from error


def _submitted(connection: Connection, asked: Sequence[tuple[str, Asked]]) -> dict[str, Taken]:
    first = dict(reversed(asked))  # one job for a key that occurs twice
    if not first:
        return {}
    columns = submission_columns(first.values())
    rows = connection.execute(_SUBMIT, (list(first), KEY_KEPT_FOR, *columns)).fetchall()
    return {key: Taken(job_id=JobId(job_id), created=created) for key, job_id, created in rows}
