"""What people may ask of a job or an effect: stop, pause, resume, release, and a verdict."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

import psycopg

from agent_workers.domain.claim import Due
from agent_workers.domain.errors import EffectNotFound, IllegalMove, JobNotFound, TooEarly
from agent_workers.domain.ids import JobId, TenantId, to_wire
from agent_workers.domain.job import JobStatus
from agent_workers.domain.step import Lane, StepKind
from agent_workers.domain.text.encoding import digest
from agent_workers.state.database.engine import Connection, Database

_STOP = "select stop_job(%s, %s, 'canceled', null, %s, %s)"
_PAUSE = "select pause_job(%s, %s, %s)"
_RESUME = "select resume_job(%s, %s)"
_RELEASE = "select release_step(%s, %s, %s)"
_VERDICT = "select job_id, rings from give_verdict(%s, %s, %s, %s, %s, %s, %s)"
_READY = """
select "position", kind, lane from steps
 where tenant_id = %s and job_id = %s and status = 'ready' and due_at <= clock_timestamp()
 order by "position" limit 64"""


_TURN = """
select n.job_id from session_turns t join session_turns n using (tenant_id, session_id)
 where t.tenant_id = %s and t.job_id = %s and t.state = 'over' and n.state = 'now'"""


class GivenVerdict(StrEnum):
    """What a person says of an effect in doubt."""

    HAPPENED = "happened"
    NOT_HAPPENED = "not_happened"
    ABANDON = "abandon"


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """What became of a job, and which of its steps somebody should come for now."""

    job_id: JobId
    status: JobStatus | None
    due: tuple[Due, ...] = ()


class Controls:
    def __init__(self, database: Database) -> None:
        self._database = database

    def stop(self, tenant_id: TenantId, job_id: JobId, *, reason: str, now: bool) -> Changed:
        """Cancel; `now` does not wait for steps that hold no permit."""
        return self._change(_STOP, (tenant_id, job_id, reason, now))

    def pause(self, tenant_id: TenantId, job_id: JobId, *, reason: str) -> Changed:
        return self._change(_PAUSE, (tenant_id, job_id, reason))

    def resume(self, tenant_id: TenantId, job_id: JobId) -> Changed:
        return self._change(_RESUME, (tenant_id, job_id))

    def release(self, tenant_id: TenantId, job_id: JobId, position: int) -> Changed:
        """Let a quarantined step try again."""
        return self._change(_RELEASE, (tenant_id, job_id, position))

    def give_verdict(
        self,
        tenant_id: TenantId,
        effect_key: UUID,
        *,
        verdict: GivenVerdict,
        result: bytes | None,
        by: str,
        reason: str,
    ) -> Changed:
        hashed = None if result is None else digest(result)
        arguments = (tenant_id, effect_key, verdict.value, result, hashed, by, reason)
        with self._database.connection() as connection:
            try:
                row = connection.execute(_VERDICT, arguments).fetchone()
            except psycopg.DatabaseError as error:
                raise _said(error, effect_key) from error
            assert row is not None
            due = _ready(connection, tenant_id, row[0]) if row[1] else ()
        return Changed(job_id=JobId(row[0]), status=None, due=due)

    def _change(self, sql: str, arguments: tuple[object, ...]) -> Changed:
        tenant_id, job_id = TenantId(str(arguments[0])), arguments[1]
        assert isinstance(job_id, UUID)
        with self._database.connection() as connection:
            row = connection.execute(sql, arguments).fetchone()
            assert row is not None
            if row[0] == "not_found":
                raise JobNotFound(f"there is no job {to_wire(job_id)}")
            if row[0] == "not_quarantined":
                raise IllegalMove(f"step {arguments[2]} is not in quarantine")
            due = _ready(connection, tenant_id, job_id) if sql in {_RESUME, _RELEASE} else ()
            if sql == _STOP:
                due = _next_turn(connection, tenant_id, job_id)
        return Changed(job_id=JobId(job_id), status=JobStatus(row[0]), due=due)


def _ready(connection: Connection, tenant_id: TenantId, job_id: UUID) -> tuple[Due, ...]:
    rows = connection.execute(_READY, (tenant_id, job_id)).fetchall()
    return tuple(
        Due(
            tenant_id=tenant_id,
            job_id=JobId(job_id),
            position=position,
            kind=StepKind(kind),
            lane=Lane(lane),
        )
        for position, kind, lane in rows
    )


def _next_turn(connection: Connection, tenant_id: TenantId, job_id: UUID) -> tuple[Due, ...]:
    """Say for whom to ring when the end of this job gave its session's turn to another one."""
    row = connection.execute(_TURN, (tenant_id, job_id)).fetchone()
    return () if row is None else _ready(connection, tenant_id, row[0])


def _said(error: psycopg.DatabaseError, effect_key: UUID) -> Exception:
    message = str(error.diag.message_primary)
    match error.sqlstate:
        case "AW004":
            return TooEarly(message)
        case "AW006":
            return EffectNotFound(f"there is no effect {effect_key}")
        case "AW007":
            return IllegalMove(message)
        case _:
            return error
