"""Jobs, steps and events as replies, and as JSON text; stored payloads are put in untouched."""

import json
from typing import Annotated, Literal, NotRequired

from pydantic import ConfigDict, Field
from typing_extensions import TypedDict

from agent_workers.domain.ids import BATCH_ID, SCHEDULE_ID, JobId, to_wire
from agent_workers.domain.job import JobStatus
from agent_workers.domain.memory.session import OnStuckTurn
from agent_workers.domain.step import Lane, StepKind, StepStatus
from agent_workers.state.jobs.reads import JobSeen
from agent_workers.state.jobs.steps import EventSeen, StepSeen
from api.http.json_text import instant, quoted, raw, text, usd
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

_WAITING = frozenset({JobStatus.IN_DOUBT, JobStatus.QUARANTINED, JobStatus.PAUSED})


class CauseReply(TypedDict):
    """A step that failed; its own `cause` is what failed in the job that it waited for, or the tool
    that it stood in for.

    `tool` is null for a planner or an evaluator.
    """

    code: str
    message: str
    tool: str | None
    position: Count | None
    where: str | None
    cause: "CauseReply | None"


class JobErrorReply(TypedDict):
    """Why a job failed; `user_message` is a sentence for end users."""

    code: str
    message: str
    retryable: NotRequired[bool]
    user_message: NotRequired[str]
    cause: NotRequired[CauseReply | None]


class JobUsageReply(TypedDict):
    input_tokens: Count
    cached_tokens: Count
    output_tokens: Count
    tool_calls: Count
    cost_usd: Annotated[str, Field(pattern=r"^\d+\.\d{6}$")]


class JobProgressReply(TypedDict):
    step: Count
    max_steps: Count
    message: str | None


class JobAheadReply(TypedDict):
    """The job whose turn it is in the session.

    `since`: when it was seen to be stuck, in doubt or in quarantine; `until`: when it will be
    skipped or failed, as `policy` says.
    """

    job_id: JobIdText
    status: JobStatus
    since: Instant | None
    policy: OnStuckTurn
    until: Instant | None


class JobWaitReply(TypedDict):
    """What a step waits for, or with no `position` the whole job."""

    position: Count | None
    kind: str
    key: str | None
    prompt: Anything
    since: Instant | None
    until: Instant | None
    behind: JobAheadReply | None


class ListedJobReply(TypedDict):
    """A job without its input and output, which may be large."""

    id: JobIdText
    object: Literal["job"]
    agent: str
    agent_version: str
    workflow: str
    status: JobStatus
    status_detail: str | None
    error: JobErrorReply | None
    degraded: Annotated[
        list[str], Field(description="How the result falls short of what was asked for.")
    ]
    usage: JobUsageReply
    progress: JobProgressReply
    waiting_for: list[JobWaitReply]
    priority: int
    attempt: int
    user_id: str | None
    session_id: str | None
    parent_job_id: JobIdText | None
    schedule_id: ScheduleId | None
    batch_id: BatchId | None
    trace_id: str
    metadata: Strings
    created_at: Instant
    started_at: Instant | None
    finished_at: Instant | None
    deadline_at: Instant | None
    expires_at: Instant | None
    links: Strings


class JobReply(ListedJobReply):
    """A job with its input and output."""

    input: Anything
    output: Anything


class StepErrorReply(TypedDict):
    """The last attempt that failed.

    `where` is the line of your code that raised; its `traceback` is without secrets, and cut in
    the middle.
    """

    code: str
    message: str
    type: str | None
    where: str | None
    traceback: str | None


class StepReply(TypedDict):
    """A step of a job; `outcome` is what it gave."""

    object: Literal["step"]
    position: Count
    round: Count
    kind: StepKind
    lane: Lane
    status: StepStatus
    tool: str | None
    call_id: str | None
    effect: str
    arguments: Anything
    outcome_type: str | None
    outcome: Anything
    claims: Count
    tries: Count
    deaths: Count
    last_error: str | None
    error: StepErrorReply | None
    task_id: str | None
    due_at: Instant
    claimed_at: Instant | None
    done_at: Instant | None


class EventReply(TypedDict):
    """An entry of a job's journal; what else it has depends on its type."""

    __pydantic_config__ = ConfigDict(extra="allow")  # type: ignore[misc]

    sequence_number: Count
    job_id: JobIdText
    type: str
    at: Instant


JobList = page_of("JobList", ListedJobReply)
StepList = page_of("StepList", StepReply)
EventList = page_of("EventList", EventReply)


def job_text(job: JobSeen, *, whole: bool = True) -> str:
    """Write a job; a list shows it without its input and output, which may be large."""
    wire = to_wire(job.job_id)
    at = f'"/v1/jobs/{wire}'
    payload = f'"input":{raw(job.input)},"output":{raw(job.output)},' if whole else ""
    parent = "null" if job.parent_id is None else f'"{to_wire(job.parent_id)}"'
    schedule = "null" if job.schedule_id is None else f'"{SCHEDULE_ID.written(job.schedule_id)}"'
    batch = "null" if job.batch_id is None else f'"{BATCH_ID.written(job.batch_id)}"'
    detail = job.status_detail or job.cancel_reason or _missing_worker(job.waiting_for)
    return (
        f'{{"id":"{wire}","object":"job","agent":{quoted(job.agent)},'
        f'"agent_version":{quoted(job.agent_version)},'
        f'"workflow":{quoted(job.workflow)},"status":"{job.status.value}",'
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


def step_text(step: StepSeen) -> str:
    return (
        f'{{"object":"step","position":{step.position},"round":{step.round},'
        f'"kind":"{step.kind}","lane":"{step.lane}","status":"{step.status}",'
        f'"tool":{text(step.tool or None)},"call_id":{text(step.call_id or None)},'
        f'"effect":"{step.effect}","arguments":{raw(step.arguments)},'
        f'"outcome_type":{text(step.outcome_type)},"outcome":{raw(step.outcome)},'
        f'"claims":{step.fence},"tries":{step.tries},"deaths":{step.deaths},'
        f'"last_error":{text(step.last_error)},"error":{raw(step.error)},"task_id":{text(step.task_id)},'
        f'"due_at":{instant(step.due_at)},"claimed_at":{instant(step.claimed_at)},'
        f'"done_at":{instant(step.done_at)}}}'
    )


def event_text(job_id: JobId, event: EventSeen) -> str:
    """Write one numbered event; what the journal holds of it follows its own members."""
    head = (
        f'{{"sequence_number":{event.number},"job_id":"{to_wire(job_id)}",'
        f'"type":"job.{event.type}","at":{instant(event.at)}'
    )
    data = raw(event.data).strip()
    return head + "}" if data in {"{}", "null", ""} else f"{head},{data[1:]}"


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
