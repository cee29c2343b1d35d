"""Recording: a decision becomes one transaction, behind the fence of its step."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import psycopg

from agent_workers.domain import codec, course
from agent_workers.domain.budget import NO_USAGE, Usage
from agent_workers.domain.claim import (
    HALT,
    Claimed,
    NothingDue,
    Onward,
    Recorded,
    RecordResult,
)
from agent_workers.domain.decision import Continue, Decision, Fail, Finish, Join, Park, TryAgain
from agent_workers.domain.entries import entry_of, entry_of_retry
from agent_workers.domain.errors import QuotaReached, StateUnavailable
from agent_workers.domain.ids import WorkerId
from agent_workers.domain.step import Broke, Planned
from agent_workers.domain.tools.tool import Statement
from agent_workers.domain.trouble import error_text
from agent_workers.state.database.engine import Connection, Database
from agent_workers.state.steps.claims import FIELDS, array, claimed_of
from agent_workers.state.steps.waits import PARK, parked

_ARGUMENTS = (
    "%s, %s, %s, %s, %s, %s, %s, %s, %s::bigint[], %s, %s, %s, %s, %s::json, %s, %s, %s, %s,"
    " %s::text[], %s, %s"
)
_RECORDED = ("result", "status", "open_steps", "first_position", "carried", "code")
_RECORD = f"select {', '.join(_RECORDED)} from record_step({_ARGUMENTS}, null)"
_COLUMNS = ", ".join([f"(r).{name}" for name in _RECORDED] + [f'(c)."{name}"' for name in FIELDS])
_RECORD_AND_CLAIM = (
    f"select {_COLUMNS} from record_and_claim({_ARGUMENTS}, %s::text[], %s, %s, %s::text[])"
)
_RETRY = """
select result, status, open_steps, first_position, carried, code from retry_step(
  %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"""
_STAND_DOWN = "select stand_down(%s, %s, %s, %s)"
MOST_BYTES_OF_A_JOB = 64 << 20
_RESULTS = {result.value: result for result in RecordResult}


class Records:
    """Records of one worker process, which may carry on with steps of `carry` lanes."""

    def __init__(
        self,
        database: Database,
        worker_id: WorkerId,
        carry: tuple[str, ...],
        *,
        most_bytes: int = MOST_BYTES_OF_A_JOB,
    ) -> None:
        self._database = database
        self._worker_id = worker_id
        self._carry = array(carry)
        self._most_bytes = most_bytes

    def record(
        self,
        claimed: Claimed,
        decision: Decision,
        *,
        written: bytes,
        onward: Onward = HALT,
        connection: Connection | None = None,
    ) -> Recorded:
        """Write what a step gave and what follows; `connection` when a transaction is open."""
        if connection is not None:
            return self._write(connection, claimed, decision, written, onward)
        with self._database.connection() as own:
            return self._write(own, claimed, decision, written, onward)

    def record_with(
        self,
        claimed: Claimed,
        decision: Decision,
        statements: Sequence[Statement],
        *,
        written: bytes,
        onward: Onward,
    ) -> Recorded | Broke | str:
        """Record a transactional tool together with its statements; a refusal is said in words.

        Nothing else is claimed on the way: its job would be locked for as long as they take.
        """
        onward = replace(onward, lanes=())
        try:
            with self._database.transaction() as connection:
                recorded = self._write(connection, claimed, decision, written, onward)
                if recorded.result is RecordResult.RECORDED:
                    for statement in statements:
                        connection.execute(statement.sql.encode(), statement.parameters)
                return recorded
        except StateUnavailable as error:
            if not _was_rolled_back(error.__cause__):
                raise
            return Broke(code="statement_failed", message=str(error), retryable=True)
        except QuotaReached as error:
            return str(error)
        except psycopg.DatabaseError as error:  # what is operational was StateUnavailable before
            return str(error.diag.message_primary or error)

    def stand_down(self, claimed: Claimed) -> str:
        """Give a claimed step back undone; what becomes of it is the job's status to say."""
        place = (claimed.tenant_id, claimed.job_id, claimed.position, claimed.fence)
        with self._database.connection() as connection:
            row = connection.execute(_STAND_DOWN, place).fetchone()
        return "" if row is None else str(row[0])

    def _write(
        self,
        connection: Connection,
        claimed: Claimed,
        decision: Decision,
        written: bytes,
        onward: Onward,
    ) -> Recorded:
        if isinstance(decision, TryAgain):
            retry = _retry(claimed, decision)
            return _recorded(connection.execute(_RETRY, retry).fetchone())
        if isinstance(decision, Park):
            return _recorded(connection.execute(PARK, parked(claimed, decision)).fetchone())
        arguments = self._arguments(claimed, decision, written, onward)
        if not onward.lanes:
            return _recorded(connection.execute(_RECORD, arguments).fetchone())
        arguments = (
            *arguments,
            *(array(onward.lanes), onward.look_further, onward.yields, list(onward.barred)),
        )
        row = connection.execute(_RECORD_AND_CLAIM, arguments, binary=True).fetchone()
        return _recorded(row, looked=True)

    def _arguments(
        self,
        claimed: Claimed,
        decision: Continue | Join | Finish | Fail,
        written: bytes,
        onward: Onward,
    ) -> tuple[object, ...]:
        follow, final, steps = codec.what_follows(decision)
        outcome = decision.outcome
        usage = outcome.usage
        return (
            *(claimed.tenant_id, claimed.job_id, claimed.position, claimed.fence),
            *(codec.TYPES[type(outcome)], written, claimed.hold_micro),
            usage.cost_micro,
            "{0,0,0}" if usage is NO_USAGE else _tokens(usage),
            codec.plain(outcome.workflow) if isinstance(outcome, Planned) else "",
            entry_of(claimed, outcome),
            *(follow, final, codec.encode_steps(steps), _course(decision)),
            codec.plain(getattr(outcome, "degraded", "")),
            *(self._worker_id, onward.task_id, self._carry if onward.carry else "{}"),
            *(self._most_bytes, codec.error_of(outcome)),
        )


def _was_rolled_back(cause: BaseException | None) -> bool:
    """A deadlock or a time-out came from the statements; a lost connection says nothing of them."""
    state = cause.sqlstate if isinstance(cause, psycopg.DatabaseError) else None
    return state is not None and not state.startswith(("08", "25", "57P"))


def _recorded(row: Sequence[Any] | None, *, looked: bool = False) -> Recorded:
    assert row is not None
    result, status, open_steps, first_position, carried, code, *rest = row
    claimed: Claimed | NothingDue | None = None
    if looked and not carried:
        claimed = claimed_of(rest) if rest[0] is not None else NothingDue()
    return Recorded(
        result=_RESULTS.get(result, RecordResult.RECORDED),
        status=status or "",
        open_steps=open_steps or 0,
        first_position=first_position,
        carried=carried or 0,
        code=code or "",
        claimed=claimed,
    )


def _course(decision: Continue | Join | Finish | Fail) -> str | None:
    if isinstance(decision, Join) or decision.course is None:
        return None
    return course.written(decision.course)


def _retry(claimed: Claimed, decision: TryAgain) -> tuple[object, ...]:
    delay_ms = round(decision.delay / timedelta(milliseconds=1))
    return (
        *(claimed.tenant_id, claimed.job_id, claimed.position, claimed.fence),
        *(claimed.hold_micro, decision.cost_micro, delay_ms, codec.plain(decision.message)),
        *(decision.counts, entry_of_retry(claimed, decision), _trouble(decision)),
    )


def _trouble(decision: TryAgain) -> bytes | None:
    if decision.waits:
        return None
    return error_text(decision.code, decision.message, decision.trouble)


def _tokens(usage: Usage) -> str:
    return f"{{{usage.input},{usage.cached},{usage.output}}}"
