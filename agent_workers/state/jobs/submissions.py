"""Submitting jobs: alone under an idempotency key, or many that arrived together."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from enum import StrEnum
from typing import get_type_hints

import psycopg.errors
import structlog

from agent_workers.domain.errors import (
    AgentWorkersError,
    BudgetExceeded,
    KeepsTooMuch,
    QuotaReached,
    SessionBusy,
    SessionOfAnother,
    StateUnavailable,
)
from agent_workers.domain.ids import JobId, TenantId, to_wire
from agent_workers.domain.job import KEY_KEPT_FOR, JobOptions, Submission
from agent_workers.state.database.engine import Connection, Database, NotReplicated
from agent_workers.state.database.named import columns
from agent_workers.state.idempotency import in_flight, reused

log = structlog.get_logger(__name__)

_HINTS = get_type_hints(JobOptions)
# The attributes of SQL's type `submission`, in its order; a test compares the two.
COLUMNS = columns(
    "tenant_id text, job_id uuid, root_id uuid, parent_id uuid, agent text, input bytea,"
    " metadata jsonb, callback_url text, max_cost_micro bigint, plan_timeout_ms integer,"
    " plan_hold_micro bigint, run_at timestamptz, delay_ms bigint, deadline_ms bigint,"
    " agent_version text, depth integer, on_busy text, session_ttl_s integer"
) | {one.name: {int: "integer"}.get(_HINTS[one.name], "text") for one in fields(JobOptions)}
_NAMES = ", ".join(COLUMNS)
# A submission as one value within a statement of others, and many; see `submission_row`.
SUBMISSION = f"row({', '.join(f'%s::{kind}' for kind in COLUMNS.values())})::submission"
SUBMISSIONS = f"""array(
  select row({_NAMES})::submission
    from unnest({", ".join(f"%s::{kind}[]" for kind in COLUMNS.values())}) as t({_NAMES}))"""
_SUBMIT_MANY = f"select submit_jobs({SUBMISSIONS})"
_SUBMIT_ONE = f"select submit_jobs(array[{SUBMISSION}])"
_SUBMIT_ONCE = f"select * from submit_once(%s, %s, %s, {SUBMISSION})"

_KNOWN = """
select 1 from idempotency_keys
 where tenant_id = %s and key = %s and expires_at > clock_timestamp()"""
_CREATED_AT = "select created_at from jobs where tenant_id = %s and job_id = %s"


class NotStored(AgentWorkersError):
    """The database refused a job that we had found in order: a mistake of ours."""

    code = "not_stored"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """What the first step of an agent's jobs needs: known from its registration."""

    plan_timeout_ms: int
    plan_hold_micro: int
    # Of the agent: a job keeps the one that it was submitted to.
    version: str = ""
    # An operator retired the agent: no new job of it is taken.
    retired: bool = False

    @staticmethod
    def objection(pace: "Pace | None", agent: str) -> tuple[str, str]:
        """Say with which code and words a new job of this agent is refused; empty when it is not."""
        if pace is None:
            return "unknown_agent", f"no worker has registered an agent {agent!r}"
        if pace.retired:
            return "agent_retired", f"agent {agent!r} was retired: it takes no new jobs"
        return "", ""


class Accepted(StrEnum):
    CREATED = "created"
    REPLAYED = "replayed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """How a submission was taken: made now, or made before under the same key."""

    how: Accepted
    job_id: JobId
    created_at: datetime | None = None
    key_expires_at: datetime | None = None


Asked = tuple[Submission, Pace]


class Submissions:
    def __init__(self, database: Database) -> None:
        self._database = database

    def many(self, asked: Sequence[Asked]) -> list[datetime | AgentWorkersError]:
        """Store jobs that arrived together in one durable transaction.

        When it fails each is stored alone, so that one bad job fails alone.
        """
        try:
            with self._database.connection() as connection:
                return [insert_jobs(connection, asked)] * len(asked)
        except NotReplicated as error:  # storing them again would find them, and wait for nothing
            return [error] * len(asked)
        except KeepsTooMuch as error:
            return self._without(asked, error)
        except (QuotaReached, StateUnavailable, psycopg.Error) as error:
            log.warning("submissions_retried_singly", jobs=len(asked), error=repr(error))
        return self._singly(asked)

    def once(self, asked: Asked, *, key: str | None, fingerprint: bytes) -> Admission:
        """Store one job, and its key with it; or say what the key stands for already."""
        submission, pace = asked
        arguments = (key, fingerprint, KEY_KEPT_FOR, *submission_row(submission, pace))
        with self._database.connection() as connection:
            # Caught inside: to the pool a lock that did not come is a broken connection.
            try:
                row = connection.execute(_SUBMIT_ONCE, arguments).fetchone()
            except psycopg.errors.LockNotAvailable as error:
                if key is None:  # of a budget, or of a session
                    raise StateUnavailable(
                        "another transaction holds the budget or the session of this job"
                    ) from error
                raise in_flight(key) from error
            except psycopg.DatabaseError as error:
                refused = REFUSALS.get(error.sqlstate or "")
                if refused is None:
                    raise
                raise refused(str(error.diag.message_primary)) from error
        assert row is not None
        verdict, job_id, expires_at = row
        if verdict == "reused":
            raise reused(str(key))
        return Admission(how=Accepted(verdict), job_id=JobId(job_id), key_expires_at=expires_at)

    def knows(self, tenant_id: TenantId, key: str) -> bool:
        with self._database.connection() as connection:
            return connection.execute(_KNOWN, (tenant_id, key)).fetchone() is not None

    def _without(
        self, asked: Sequence[Asked], refused: KeepsTooMuch
    ) -> list[datetime | AgentWorkersError]:
        """Store the jobs of the other tenants, together still: nobody pays for who sends on."""
        others = [one for one in asked if one[0].tenant_id != refused.tenant_id]
        stored = iter(self.many(others) if others else ())
        return [refused if one[0].tenant_id == refused.tenant_id else next(stored) for one in asked]

    def _singly(self, asked: Sequence[Asked]) -> list[datetime | AgentWorkersError]:
        stored: list[datetime | AgentWorkersError] = []
        for one in asked:
            try:
                stored.append(self._alone(one))
            except StateUnavailable as error:  # the others would wait just as long for the same
                return stored + [error] * (len(asked) - len(stored))
            except QuotaReached as error:
                stored.append(error)
            except psycopg.Error as error:
                stored.append(_refused(error, one[0].job_id))
        return stored

    def _alone(self, one: Asked) -> datetime:
        try:
            with self._database.connection() as connection:
                return insert_jobs(connection, [one])
        except psycopg.errors.UniqueViolation:
            # The first try did commit; only its answer was lost.
            place = (one[0].tenant_id, one[0].job_id)
            with self._database.connection() as connection:
                row = connection.execute(_CREATED_AT, place).fetchone()
            if row is None:
                raise
            created_at: datetime = row[0]
            return created_at


def insert_jobs(connection: Connection, asked: Sequence[Asked]) -> datetime:
    """Insert jobs with their first steps and journal entries; the caller's transaction."""
    if len(asked) == 1:
        row = connection.execute(_SUBMIT_ONE, submission_row(*asked[0])).fetchone()
    else:
        row = connection.execute(_SUBMIT_MANY, submission_columns(asked)).fetchone()
    assert row is not None
    created_at: datetime = row[0]
    return created_at


def submission_row(submission: Submission, pace: Pace) -> tuple[object, ...]:
    """Return the values for `SUBMISSION`; what is not named here stands in the submission itself."""
    ttl = submission.session_ttl
    made = {
        "metadata": json.dumps(submission.metadata) if submission.metadata else "{}",
        "plan_timeout_ms": pace.plan_timeout_ms,
        "plan_hold_micro": pace.plan_hold_micro,
        "agent_version": pace.version,
        "delay_ms": _ms(submission.delay),
        "deadline_ms": _ms(submission.deadline),
        "session_ttl_s": None if ttl is None else round(ttl.total_seconds()),
    }
    return tuple(made[name] if name in made else getattr(submission, name) for name in COLUMNS)


def submission_columns(asked: Iterable[Asked]) -> list[list[object]]:
    """Return the values for `SUBMISSIONS`: a list for each attribute."""
    rows = (submission_row(*one) for one in asked)
    return [list(column) for column in zip(*rows, strict=True)]


def _refused(error: psycopg.Error, job_id: JobId) -> AgentWorkersError:
    refused = REFUSALS.get(error.sqlstate or "")
    if refused is not None:
        return refused(str(error.diag.message_primary))
    log.error("submission_refused", job_id=to_wire(job_id), exc_info=error)
    return NotStored(f"the database refused the job: {error.sqlstate}")


# What the database says no to, by its own codes.
REFUSALS: dict[str, type[AgentWorkersError]] = {
    "AW003": BudgetExceeded,
    "AWS01": SessionBusy,
    "AWS02": SessionOfAnother,
}


def _ms(span: timedelta | None) -> int | None:
    return None if span is None else round(span / timedelta(milliseconds=1))
