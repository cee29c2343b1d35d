"""Schedules and their runs as JSON."""

import json
from typing import Literal

from typing_extensions import TypedDict

from agent_workers.domain.ids import BATCH_ID, SCHEDULE_ID, to_wire
from agent_workers.domain.schedules.schedule import (
    CatchUp,
    Origin,
    Overlap,
    ScheduleStatus,
    ScheduleType,
)
from agent_workers.domain.schedules.target import JobTarget, Target
from agent_workers.state.schedules.rows import ScheduleSeen
from agent_workers.state.schedules.runs import RunSeen, RunStatus
from api.http.json_text import instant, text
from api.http.shapes import (
    Anything,
    BatchId,
    Count,
    Instant,
    JobIdText,
    ScheduleId,
    Strings,
    page_of,
)


class ScheduleReply(TypedDict):
    """When jobs or batches start by themselves."""

    id: ScheduleId
    object: Literal["schedule"]
    name: str
    type: ScheduleType
    expression: str | None
    timezone: str
    interval_s: Count | None
    run_at: Instant | None
    start_at: Instant | None
    end_at: Instant | None
    status: ScheduleStatus
    overlap: Overlap
    catch_up: CatchUp
    catch_up_window_s: Count
    jitter_s: Count
    target: dict[str, Anything]
    metadata: Strings
    next_run_at: Instant | None
    last_run_at: Instant | None
    version: Count
    created_at: Instant
    updated_at: Instant
    links: Strings


class ScheduleRunReply(TypedDict):
    """One time at which a schedule fired, or should have."""

    object: Literal["schedule.run"]
    scheduled_at: Instant
    origin: Origin
    status: RunStatus
    skip_reason: str | None
    skipped_until: Instant | None
    error: str | None
    job_id: JobIdText | None
    batch_id: BatchId | None
    started_at: Instant | None
    finished_at: Instant | None


class SchedulePreviewReply(TypedDict):
    """When a schedule fires next; as many times as were asked for, so there is no next page."""

    object: Literal["list"]
    data: list[Instant]
    has_more: Literal[False]
    next_cursor: None


class ScheduleBackfillReply(TypedDict):
    object: Literal["schedule.backfill"]
    runs: Count


ScheduleList = page_of("ScheduleList", ScheduleReply)
ScheduleRunList = page_of("ScheduleRunList", ScheduleRunReply)


def schedule_text(schedule: ScheduleSeen) -> str:
    terms, wire = schedule.terms, SCHEDULE_ID.written(schedule.schedule_id)
    at = f'"/v1/schedules/{wire}'
    interval = "null" if terms.interval_s is None else str(terms.interval_s)
    return (
        f'{{"id":"{wire}","object":"schedule","name":{text(terms.name)},"type":"{terms.type}",'
        f'"expression":{text(terms.expression)},"timezone":{text(terms.timezone)},'
        f'"interval_s":{interval},"run_at":{instant(terms.run_at)},'
        f'"start_at":{instant(terms.start_at)},"end_at":{instant(terms.end_at)},'
        f'"status":"{schedule.status}","overlap":"{terms.overlap}","catch_up":"{terms.catch_up}",'
        f'"catch_up_window_s":{terms.catch_up_window_s},"jitter_s":{terms.jitter_s},'
        f'"target":{_target(terms.target)},"metadata":{json.dumps(dict(terms.metadata))},'
        f'"next_run_at":{instant(schedule.next_fire_at)},'
        f'"last_run_at":{instant(schedule.last_fire_at)},"version":{schedule.version},'
        f'"created_at":{instant(schedule.created_at)},"updated_at":{instant(schedule.updated_at)},'
        f'"links":{{"self":{at}","runs":{at}/runs","preview":{at}/preview"}}}}'
    )


def run_text(run: RunSeen) -> str:
    job = "null" if run.job_id is None else f'"{to_wire(run.job_id)}"'
    batch = "null" if run.batch_id is None else f'"{BATCH_ID.written(run.batch_id)}"'
    skipped = run.reason if run.status == "skipped" else None
    failed = run.reason if run.status == "failed" else None
    return (
        f'{{"object":"schedule.run","scheduled_at":{instant(run.fire_at)},'
        f'"origin":"{run.origin}","status":"{run.status}","skip_reason":{text(skipped)},'
        f'"skipped_until":{instant(run.skipped_until)},"error":{text(failed)},'
        f'"job_id":{job},"batch_id":{batch},"started_at":{instant(run.started_at)},'
        f'"finished_at":{instant(run.finished_at)}}}'
    )


def _target(target: Target) -> str:
    kind = "job" if isinstance(target, JobTarget) else "batch"
    return json.dumps({kind: dict(target.asked)})
