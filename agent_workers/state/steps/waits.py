"""Waits: how a step is parked until somebody answers, and what it finds when it goes on."""

from datetime import timedelta

from agent_workers.domain.claim import Claimed, Due
from agent_workers.domain.decision import Park
from agent_workers.domain.ids import TenantId
from agent_workers.domain.trouble import error_text
from agent_workers.domain.wait import Waited, WaitKind
from agent_workers.state.database.engine import Connection, Database
from agent_workers.state.database.named import named_call
from agent_workers.state.steps.sweeps import dues

PARK = "select result, status, open_steps, first_position, carried, code from " + named_call(
    "park_step",
    "tenant job position fence hold keeps_hold cost kind key timeout_ms prompt child agent input"
    " asked reserve max_steps trouble",
)
_READ = """
select kind, key, answer, expires_at <= clock_timestamp(), held_micro from waits
 where tenant_id = %s and job_id = %s and "position" = %s"""
_WAKE = """
select tenant_id, job_id, "position", kind, lane, high, rings
  from wake_waits(%s, %s, %s, %s, %s)"""


class Waits:
    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, claimed: Claimed) -> Waited | None:
        """Read what a step waited for; None when it has not waited yet."""
        place = (claimed.tenant_id, claimed.job_id, claimed.position)
        with self._database.connection() as connection:
            row = connection.execute(_READ, place, binary=True).fetchone()
        if row is None:
            return None
        kind, key, answer, over, held = row
        return Waited(
            kind=WaitKind(kind), key=key, answer=answer, timed_out=bool(over), held_micro=held
        )

    def wake(
        self, tenant_id: TenantId, kind: WaitKind, key: str, answer: bytes, *, most: int = 1_000
    ) -> list[Due]:
        """Answer whoever waits for this; returns for which steps to ring."""
        with self._database.connection() as connection:
            return wake(connection, tenant_id, kind, key, answer, most)


def wake(
    connection: Connection,
    tenant_id: TenantId,
    kind: WaitKind,
    key: str,
    answer: bytes,
    most: int,
) -> list[Due]:
    """Answer whoever waits for this; the caller's transaction."""
    return dues(connection, _WAKE, (tenant_id, kind, key, answer, most))


def parked(claimed: Claimed, decision: Park) -> dict[str, object]:
    """The arguments of `park_step`."""
    wait = decision.wait
    child, after = wait.child, decision.after
    return {
        "tenant": claimed.tenant_id,
        "job": claimed.job_id,
        "position": claimed.position,
        "fence": claimed.fence,
        "hold": claimed.hold_micro,
        "keeps_hold": decision.keeps_hold,
        "cost": decision.cost_micro,
        "kind": wait.kind,
        "key": wait.key,
        "timeout_ms": _ms(wait.timeout),
        "prompt": wait.prompt,
        "child": child and child.job_id,
        "agent": child and child.agent,
        "input": child and child.input,
        "asked": child and child.max_cost_micro,
        "reserve": child and child.reserve_micro,
        "max_steps": child and child.max_steps,
        "trouble": after and error_text(after.code, after.message, after.trouble),
    }


def _ms(span: timedelta | None) -> int | None:
    return None if span is None else round(span / timedelta(milliseconds=1))
