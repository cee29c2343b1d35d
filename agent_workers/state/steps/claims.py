"""Claiming steps: by name when a nudge says which, or the oldest due step of our lanes."""

import time
from collections.abc import Sequence
from dataclasses import fields, replace

from agent_workers.domain import course
from agent_workers.domain.claim import Claimed, Done
from agent_workers.domain.effect import EffectClass
from agent_workers.domain.errors import StateUnavailable
from agent_workers.domain.ids import JobId, TenantId, WorkerId
from agent_workers.domain.step import Lane, StepKind
from agent_workers.state.database.engine import Database

# What a claim itself adds to what the database knows of the step.
_OURS = frozenset({"claimed_at_s", "is_whole", "history"})
FIELDS = tuple(one.name for one in fields(Claimed) if one.name not in _OURS)
_CLAIM = f"""select {", ".join(f'"{name}"' for name in FIELDS)} from """
_CLAIM_STEP = _CLAIM + "claim_step(%s, %s, %s, %s, %s)"
_CLAIM_NUDGED = _CLAIM + "claim_nudged(%s, %s, %s, %s::text[], %s, %s, %s, %s::text[])"
_CLAIM_NEXT = _CLAIM + "claim_next(%s::text[], %s, %s, %s, %s::text[])"
_LARGE = """
select j.input, s.arguments from jobs j join steps s using (tenant_id, job_id)
 where tenant_id = %s and job_id = %s and s."position" = %s"""
# Back to the plan of the round that the limit falls into: half a round would be a wrong answer.
_HISTORY = """
select "position", round, kind, tool, call_id, outcome_type, outcome from steps
 where tenant_id = %(tenant_id)s and job_id = %(job_id)s and status = 'done'
   and "position" < %(position)s and "position" >= coalesce((
     select s."position" from steps s
      where s.tenant_id = %(tenant_id)s and s.job_id = %(job_id)s and s.kind = 'plan'
        and s."position" <= %(position)s - %(limit)s
      order by s."position" desc limit 1), 0)
 order by "position"
"""


class Claims:
    """Claims for one worker process."""

    def __init__(self, database: Database, worker_id: WorkerId) -> None:
        self._database = database
        self._worker_id = worker_id

    def named(
        self, tenant_id: TenantId, job_id: JobId, position: int, *, task_id: str | None = None
    ) -> Claimed | None:
        """Claim this step; None when somebody has it, or it is not due."""
        arguments = (tenant_id, job_id, position, self._worker_id, task_id)
        with self._database.connection() as connection:
            row = connection.execute(_CLAIM_STEP, arguments, binary=True).fetchone()
        return None if row is None else claimed_of(row)

    def nudged(  # noqa: PLR0913 (what a claim asks for, each by its name)
        self,
        tenant_id: TenantId,
        job_id: JobId,
        position: int,
        *,
        lanes: Sequence[Lane],
        task_id: str | None = None,
        look_further: bool = False,
        barred: Sequence[TenantId] = (),
    ) -> Claimed | None:
        """Claim the step that a nudge names, or else the oldest due step of these lanes.

        No step of a tenant that is `barred` is claimed; see `worker/places.py`.
        """
        arguments = (
            *(tenant_id, job_id, position, array(lanes)),
            *(self._worker_id, task_id, look_further, list(barred)),
        )
        with self._database.connection() as connection:
            row = connection.execute(_CLAIM_NUDGED, arguments, binary=True).fetchone()
        return None if row is None else claimed_of(row)

    def next(
        self,
        lanes: Sequence[Lane],
        *,
        task_id: str | None = None,
        look_further: bool = False,
        barred: Sequence[TenantId] = (),
    ) -> Claimed | None:
        """Claim the oldest due step of these lanes, in their order."""
        arguments = (array(lanes), self._worker_id, task_id, look_further, list(barred))
        with self._database.connection() as connection:
            row = connection.execute(_CLAIM_NEXT, arguments, binary=True).fetchone()
        return None if row is None else claimed_of(row)

    def whole(self, claimed: Claimed) -> Claimed:
        """Read what was too large for the reply of the claim, whose locks are gone by now."""
        if claimed.is_whole:
            return claimed
        place = (claimed.tenant_id, claimed.job_id, claimed.position)
        with self._database.connection() as connection:
            row = connection.execute(_LARGE, place, binary=True).fetchone()
        if row is None:
            raise StateUnavailable("the job was deleted after its step was claimed")
        return replace(claimed, input=row[0], arguments=row[1] or b"", is_whole=True)

    def history(self, claimed: Claimed, *, limit: int) -> tuple[Done, ...]:
        """Read the newest recorded steps before this one, in whole rounds, oldest first."""
        arguments = {
            "tenant_id": claimed.tenant_id,
            "job_id": claimed.job_id,
            "position": claimed.position,
            "limit": limit,
        }
        with self._database.connection() as connection:
            rows = connection.execute(_HISTORY, arguments, binary=True).fetchall()
        return tuple(
            Done(
                position=position,
                round=round_,
                kind=StepKind(kind),
                tool=tool,
                call_id=call_id,
                type=type_,
                outcome=outcome,
            )
            for position, round_, kind, tool, call_id, type_, outcome in rows
        )


def array(words: Sequence[str]) -> str:
    """Write plain words as a Postgres array: a string is cheaper to send than a list."""
    return "{" + ",".join(words) + "}"


def claimed_of(row: Sequence[object]) -> Claimed:
    """Read a `claimed_step` whose columns stand in the order of `FIELDS`."""
    values = dict(zip(FIELDS, row, strict=True))
    values["kind"] = _KINDS[str(values["kind"])]
    values["lane"] = _LANES[str(values["lane"])]
    values["effect"] = _EFFECTS[str(values["effect"])]
    # No job is without an input: this one is too large to be sent while its job is locked.
    values["is_whole"] = values["input"] is not None
    values["input"] = values["input"] or b""
    values["arguments"] = values["arguments"] or b""
    values["course"] = course.read(str(values["course"]))
    values["claimed_at_s"] = time.monotonic()
    return Claimed(**values)  # type: ignore[arg-type]  # the SELECT above is the type


_KINDS = {kind.value: kind for kind in StepKind}
_LANES = {lane.value: lane for lane in Lane}
_EFFECTS = {effect.value: effect for effect in EffectClass}
