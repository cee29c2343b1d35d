"""A job as JSON bytes; payloads are put in as they were stored, never parsed again."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from agent_workers.domain.batch import to_wire as batch_wire
from agent_workers.domain.ids import to_wire
from agent_workers.domain.job import JobStatus
from agent_workers.domain.schedules.schedule import schedule_to_wire
from agent_workers.state.jobs.reads import JobSeen

_MICRO = 1_000_000
_quoted = json.JSONEncoder(ensure_ascii=True).encode


def instant(at: datetime | None) -> str:
    """Write an instant as a JSON value, in UTC."""
    return "null" if at is None else f'"{rfc3339(at)}"'


def rfc3339(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def text(value: str | None) -> str:
    return "null" if value is None else _quoted(value)


def raw(value: bytes | None) -> str:
    """Put in stored JSON as it is; nothing was stored where no bytes are."""
    return value.decode("utf-8") if value else "null"


def dumped(value: Any) -> bytes:  # noqa: ANN401 (any JSON value)
    return _quoted(value).encode("ascii")


def usd(micro: int) -> str:
    return f"{micro // _MICRO}.{micro % _MICRO:06d}"


def job_text(job: JobSeen, *, whole: bool = True) -> str:
    """Write a job; a list shows it without its input and output, which may be large."""
    wire = to_wire(job.job_id)
    at = f'"/v1/jobs/{wire}'
    payload = f'"input":{raw(job.input)},"output":{raw(job.output)},' if whole else ""
    parent = "null" if job.parent_id is None else f'"{to_wire(job.parent_id)}"'
    schedule = "null" if job.schedule_id is None else f'"{schedule_to_wire(job.schedule_id)}"'
    batch = "null" if job.batch_id is None else f'"{batch_wire(job.batch_id)}"'
    detail = job.status_detail or job.cancel_reason or _missing_worker(job.waiting_for)
    return (
        f'{{"id":"{wire}","object":"job","agent":{_quoted(job.agent)},'
        f'"agent_version":{_quoted(job.agent_version)},'
        f'"workflow":{_quoted(job.workflow)},"status":"{job.status.value}",'
        f'"status_detail":{text(detail)},{payload}"error":{raw(job.error)},'
        f'"degraded":{job.degraded},'
        f'"usage":{_usage(job)},'
        f'"progress":{{"step":{job.next_position},"max_steps":{job.max_steps},"message":null}},'
        f'"waiting_for":{_waiting_for(job)},"priority":{job.priority},"attempt":1,'
        f'"user_id":{text(job.user_id or None)},"session_id":{text(job.session_id or None)},'
        f'"parent_job_id":{parent},"schedule_id":{schedule},"batch_id":{batch},'
        f'"trace_id":"{job.job_id.hex}","metadata":{job.metadata},'
        f'"created_at":{instant(job.created_at)},"started_at":{instant(job.started_at)},'
        f'"finished_at":{instant(job.finished_at)},"deadline_at":{instant(job.deadline_at)},'
        f'"expires_at":null,"links":{{"self":{at}","steps":{at}/steps","events":{at}/events",'
        f'"trace":{at}/trace","cancel":{at}/cancel"}}}}'
    )


def job_bytes(job: JobSeen) -> bytes:
    return job_text(job).encode("utf-8")


def list_bytes(items: Sequence[str], *, next_cursor: str | None) -> bytes:
    """Write a page of things that are JSON already."""
    more = "false" if next_cursor is None else "true"
    joined = ",".join(items)
    page = f'{{"object":"list","data":[{joined}],"has_more":{more},"next_cursor":'
    return (page + text(next_cursor) + "}").encode("utf-8")


def _waiting_for(job: JobSeen) -> str:
    """What its steps wait for, and what it waits for as a whole."""
    if job.status not in _WAITING:
        return job.waiting_for
    whole = (
        f'{{"position":null,"kind":"{job.status.value}","key":null,"prompt":null,'
        f'"since":null,"until":null,"behind":null}}'
    )
    others = job.waiting_for[1:]
    return f"[{whole}{',' if others != ']' else ''}{others}"


def _missing_worker(waiting_for: str) -> str | None:
    """Say which worker its first step waits for that has none."""
    if '"worker"' not in waiting_for:
        return None
    waits = (one for one in json.loads(waiting_for) if one["kind"] == "worker")
    return next((one["prompt"]["message"] for one in waits), None)


def _usage(job: JobSeen) -> str:
    return (
        f'{{"input_tokens":{job.input_tokens},"cached_tokens":{job.cached_tokens},'
        f'"output_tokens":{job.output_tokens},"tool_calls":{job.tool_calls},'
        f'"cost_usd":"{usd(job.spent_micro)}"}}'
    )


_WAITING = frozenset({JobStatus.IN_DOUBT, JobStatus.QUARANTINED, JobStatus.PAUSED})
