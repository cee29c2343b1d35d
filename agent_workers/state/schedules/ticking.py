"""Starting what a tick of a schedule is for: its run, with the job or batch of it."""

import json
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from agent_workers.domain.claim import Due
from agent_workers.domain.ids import JobId, TenantId
from agent_workers.domain.job import KEY_KEPT_FOR
from agent_workers.domain.schedules.schedule import RunState, run_name
from agent_workers.domain.schedules.target import (
    BatchTarget,
    JobTarget,
    batch_of_run,
    jitter_of,
    job_of_run,
    run_id,
)
from agent_workers.domain.schedules.ticks import SkippedTicks
from agent_workers.domain.step import Lane, StepKind
from agent_workers.state.catalogue.agents import pace_of
from agent_workers.state.database.engine import Connection
from agent_workers.state.jobs.submissions import SUBMISSION, Pace, submission_row
from agent_workers.state.schedules.rows import ScheduleSeen

_NOTHING = "row(%s, null, null, null, null, null)::run_target"
_JOB = f"row(%s, %s, %s, {SUBMISSION}, null, null)::run_target"
_BATCH = "row(null, null, null, null, %s, %s::jsonb)::run_target"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fired:
    """What became of a schedule that was due, and for which first steps to ring."""

    tenant_id: TenantId
    schedule_id: UUID
    states: tuple[RunState, ...] = ()
    fire_at: datetime | None = None
    skipped: SkippedTicks | None = None
    due: tuple[Due, ...] = ()
    # There is more of it to fire, later: the others want their turn as well.
    is_behind: bool = False


def run_tick(
    connection: Connection,
    verb: str,
    schedule: ScheduleSeen,
    fire_at: datetime,
    words: tuple[str, ...],
) -> Fired:
    """Call what makes a run of a tick: fire_run (origin, overlap) or promote_run (overlap)."""
    sql, values = _target(connection, schedule, fire_at)
    marks = ", ".join(["%s"] * (3 + len(words)))
    place = (schedule.tenant_id, schedule.schedule_id, fire_at)
    row = connection.execute(
        f"select {verb}({marks}, {sql})".encode(), (*place, *words, *values)
    ).fetchone()
    assert row is not None
    fired = Fired(tenant_id=schedule.tenant_id, schedule_id=schedule.schedule_id, fire_at=fire_at)
    if row[0] == "taken":
        return fired
    state = RunState(row[0])
    due = _due(schedule, fire_at) if state is RunState.STARTED else ()
    return replace(fired, states=(state,), due=due)


def _target(
    connection: Connection, schedule: ScheduleSeen, fire_at: datetime
) -> tuple[str, tuple[object, ...]]:
    match schedule.terms.target:
        case BatchTarget() as batch:
            if any(_is_retired(connection, schedule, one) for one in batch.agents):
                return _NOTHING, ("agent_retired",)
            spec = batch_of_run(batch, schedule.schedule_id, fire_at)
            return _BATCH, (run_id(schedule.schedule_id, fire_at), json.dumps(spec))
        case JobTarget() as job:
            pace = pace_of(connection, schedule.tenant_id, job.agent)
            refused, _ = Pace.objection(pace, job.agent)
            if refused or pace is None:
                return _NOTHING, (refused,)
            delay = jitter_of(schedule.schedule_id, fire_at, schedule.terms.jitter)
            submission = job_of_run(job, schedule.tenant_id, schedule.schedule_id, fire_at, delay)
            name = run_name(schedule.schedule_id, fire_at)
            return _JOB, (name.decode(), name, KEY_KEPT_FOR, *submission_row(submission, pace))


def _is_retired(connection: Connection, schedule: ScheduleSeen, agent: str) -> bool:
    pace = pace_of(connection, schedule.tenant_id, agent)
    return pace is not None and pace.retired


def _due(schedule: ScheduleSeen, fire_at: datetime) -> tuple[Due, ...]:
    """Ring for a job that starts at once; the keepers ring for what comes later."""
    if isinstance(schedule.terms.target, BatchTarget) or schedule.terms.jitter_s:
        return ()
    return (
        Due(
            tenant_id=schedule.tenant_id,
            job_id=JobId(run_id(schedule.schedule_id, fire_at)),
            position=0,
            kind=StepKind.PLAN,
            lane=Lane.PLAN,
        ),
    )
