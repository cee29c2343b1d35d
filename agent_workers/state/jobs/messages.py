"""Mail: events that are sent to jobs, and what people answer to their questions."""

from collections.abc import Mapping

import psycopg

from agent_workers.domain.claim import Due
from agent_workers.domain.errors import (
    JobNotFound,
    KeyReused,
    QuotaReached,
)
from agent_workers.domain.ids import JobId, TenantId, to_wire
from agent_workers.domain.mail import (
    AnsweredOtherwise,
    JobHasEnded,
    Letter,
    NoSuchQuestion,
    NotAChoice,
    QuestionClosed,
    Sent,
    Taken,
)
from agent_workers.domain.step import Lane, StepKind
from agent_workers.state.database.engine import Connection, Database
from agent_workers.state.idempotency import take_key
from agent_workers.state.steps.sweeps import dues

_SEND = """
select verdict, number, taken, r.tenant_id, r.job_id, r."position", r.kind, r.lane
  from send_message(%s, %s, %s, %s, %s) left join lateral unnest(rings) r on true"""
_ANSWER = """
select tenant_id, job_id, "position", kind, lane, high, rings
  from answer_questions(%s, %s, %s::text[], %s::bytea[], %s)"""


class Mail:
    def __init__(self, database: Database) -> None:
        self._database = database

    def send(self, letter: Letter) -> Sent:
        """Hand an event over to whoever waits for it, or keep it until somebody does."""
        with self._database.connection() as connection:
            return _send(connection, letter)

    def send_once(self, letter: Letter, *, key: str, fingerprint: bytes) -> Sent:
        """Send under an idempotency key: key and event are stored together, or neither is."""
        with self._database.transaction() as connection:
            take_key(connection, letter.tenant_id, letter.job_id, key=key, fingerprint=fingerprint)
            return _send(connection, letter)

    def answer(
        self, tenant_id: TenantId, job_id: JobId, answers: Mapping[str, bytes], *, by: str
    ) -> list[Due]:
        """Answer questions of a job, all or none; returns for which steps to ring."""
        keys, values = list(answers), list(answers.values())
        with self._database.connection() as connection:
            try:
                return dues(connection, _ANSWER, (tenant_id, job_id, keys, values, by))
            except psycopg.DatabaseError as error:
                raise _said(error) from error


def _send(connection: Connection, letter: Letter) -> Sent:
    arguments = (letter.tenant_id, letter.job_id, letter.sender, letter.name, letter.data)
    rows = connection.execute(_SEND, arguments, binary=True).fetchall()
    verdict, number, taken = rows[0][:3]
    if verdict == "not_found":
        raise JobNotFound(f"there is no job {to_wire(letter.job_id)}")
    if verdict == "ended":
        raise JobHasEnded("the job has ended and takes no more events")
    if verdict == "full":
        raise QuotaReached("1,000 events, or 16 MiB of them, are already waiting for this job")
    if verdict == "reused":
        raise KeyReused(f"{letter.sender} has already sent this job a different event")
    due = tuple(_due(row[3:]) for row in rows if row[3] is not None)
    return Sent(how=Taken(verdict), number=number, taken=taken, due=due)


def _due(row: tuple[object, ...]) -> Due:
    tenant_id, job_id, position, kind, lane = row
    return Due(
        tenant_id=tenant_id,  # type: ignore[arg-type]  # the SELECT above is the type
        job_id=job_id,  # type: ignore[arg-type]
        position=position,  # type: ignore[arg-type]
        kind=StepKind(str(kind)),
        lane=Lane(str(lane)),
        high=True,
    )


def _said(error: psycopg.DatabaseError) -> Exception:
    message = str(error.diag.message_primary)
    match error.sqlstate:
        case "AWM01":
            return JobNotFound(message)
        case "AWM02":
            return NoSuchQuestion(message)
        case "AWM03":
            return AnsweredOtherwise(message)
        case "AWM04":
            return JobHasEnded(message)
        case "AWM05":
            return QuestionClosed(message)
        case "AWM06":
            return NotAChoice(message, key=str(error.diag.message_detail))
        case _:
            return error
