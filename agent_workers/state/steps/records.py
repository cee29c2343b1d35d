"""Recording: a decision becomes one transaction, behind the fence of its step."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import psycopg

from agent_workers.domain import codec, course
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
from agent_workers.domain.job import MOST_BYTES_OF_A_JOB
from agent_workers.domain.step import Broke, Planned
from agent_workers.domain.tools.tool import Statement
from agent_workers.domain.trouble import error_text
from agent_workers.state.database.engine import Connection, Database
from agent_workers.state.database.named import columns, composite, named_call
from agent_workers.state.steps.claims import FIELDS, array, claimed_of
from agent_workers.state.steps.waits import PARK, parked

# The attributes of SQL's type `step_record`, in its order; a test compares the two.
COLUMNS = columns(
    "tenant_id text, job_id uuid, position integer, fence integer, type text, outcome bytea,"
    " entry bytea, workflow text, degraded text, error bytea, hold_micro bigint, cost_micro bigint,"
    " input_tokens bigint, cached_tokens bigint, output_tokens bigint, follow text, final bytea,"
    " steps json, course text, most_bytes bigint, worker_id uuid, task_id text, carry text[]"
)
_STEP_RECORD = composite("step_record", COLUMNS)
_RECORDED = ("result", "status", "open_steps", "first_position", "carried", "code")
_RECORD = f"select {', '.join(_RECORDED)} from record_step({_STEP_RECORD}, null)"
_COLUMNS = ", ".join([f"(r).{name}" for name in _RECORDED] + [f'(c)."{name}"' for name in FIELDS])
_RECORD_AND_CLAIM = f"""
select {_COLUMNS} from record_and_claim({_STEP_RECORD}, p_next => %(next)s::text[],
  p_look_further => %(look_further)s, p_yields => %(yields)s, p_barred => %(barred)s::text[])"""
_RETRY = f"select {', '.join(_RECORDED)} from " + named_call(
    "retry_step",
    "tenant job position fence hold cost delay_ms error counts data trouble",
)
_STAND_DOWN = "select stand_down(%s, %s, %s, %s)"
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
        arguments |= {
            "next": array(onward.lanes),
            "look_further": onward.look_further,
            "yields": onward.yields,
            "barred": list(onward.barred),
        }
        row = connection.execute(_RECORD_AND_CLAIM, arguments, binary=True).fetchone()
        return _recorded(row, looked=True)

    def _arguments(
        self,
        claimed: Claimed,
        decision: Continue | Join | Finish | Fail,
        written: bytes,
        onward: Onward,
    ) -> dict[str, object]:
        follow, final, steps = codec.what_follows(decision)
        outcome = decision.outcome
        usage = outcome.usage
        return {
            "tenant_id": claimed.tenant_id,
            "job_id": claimed.job_id,
            "position": claimed.position,
            "fence": claimed.fence,
            "type": codec.TYPES[type(outcome)],
            "outcome": written,
            "entry": entry_of(claimed, outcome),
            "workflow": codec.plain(outcome.workflow) if isinstance(outcome, Planned) else "",
            "degraded": codec.plain(getattr(outcome, "degraded", "")),
            "error": codec.error_of(outcome),
            "hold_micro": claimed.hold_micro,
            "cost_micro": usage.cost_micro,
            "input_tokens": usage.input,
            "cached_tokens": usage.cached,
            "output_tokens": usage.output,
            "follow": follow,
            "final": final,
            "steps": codec.encode_steps(steps),
            "course": _course(decision),
            "most_bytes": self._most_bytes,
            "worker_id": self._worker_id,
            "task_id": onward.task_id,
            "carry": self._carry if onward.carry else "{}",
        }


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


def _retry(claimed: Claimed, decision: TryAgain) -> dict[str, object]:
    delay_ms = round(decision.delay / timedelta(milliseconds=1))
    return {
        "tenant": claimed.tenant_id,
        "job": claimed.job_id,
        "position": claimed.position,
        "fence": claimed.fence,
        "hold": claimed.hold_micro,
        "cost": decision.cost_micro,
        "delay_ms": delay_ms,
        "error": codec.plain(decision.message),
        "counts": decision.counts,
        "data": entry_of_retry(claimed, decision),
        "trouble": _trouble(decision),
    }


def _trouble(decision: TryAgain) -> bytes | None:
    if decision.waits:
        return None
    return error_text(decision.code, decision.message, decision.trouble)
