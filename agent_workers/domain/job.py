"""A job: its statuses, the moves allowed between them, and what a caller may ask for."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from agent_workers.domain.ids import JobId, TenantId
from agent_workers.domain.memory.session import OnBusy

# What a job keeps at most, without its files, where no setting says otherwise.
MOST_BYTES_OF_A_JOB = 64 << 20
# For so long an idempotency key stands for what it made.
KEY_KEPT_FOR = timedelta(days=30)


class JobStatus(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    PAUSED = "paused"
    CANCELING = "canceling"
    IN_DOUBT = "in_doubt"
    QUARANTINED = "quarantined"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"


TERMINAL = frozenset({JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELED})
_LIVE = frozenset(JobStatus) - TERMINAL

# The database holds the same table again, as a trigger; a test keeps the two equal.
MOVES: dict[JobStatus, frozenset[JobStatus]] = {
    JobStatus.QUEUED: frozenset(_LIVE | TERMINAL) - {JobStatus.QUEUED, JobStatus.SUCCEEDED},
    JobStatus.RUNNING: frozenset(_LIVE | TERMINAL) - {JobStatus.QUEUED, JobStatus.RUNNING},
    JobStatus.WAITING: frozenset(_LIVE | TERMINAL) - {JobStatus.QUEUED, JobStatus.WAITING},
    JobStatus.PAUSED: frozenset(_LIVE | TERMINAL) - {JobStatus.PAUSED},
    JobStatus.CANCELING: frozenset({JobStatus.CANCELED, JobStatus.FAILED}),
    JobStatus.IN_DOUBT: frozenset(_LIVE | TERMINAL) - {JobStatus.QUEUED, JobStatus.IN_DOUBT},
    JobStatus.QUARANTINED: frozenset(_LIVE | TERMINAL) - {JobStatus.QUEUED, JobStatus.QUARANTINED},
    JobStatus.SUCCEEDED: frozenset(),
    JobStatus.FAILED: frozenset(),
    JobStatus.CANCELED: frozenset(),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class JobOptions:
    """What a caller may say of a job that is kept in its row and shown again, each under one name.

    The last attributes of SQL's type `submission` are these, in this order: add a new one last.
    """

    priority: int = 0
    max_steps: int = 1_000
    # Whom it is done for (whose memory it may read), and the conversation that it belongs to.
    user_id: str = ""
    session_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSpec(JobOptions):
    """A job as a caller may describe it: one to start now, an item of a batch, a schedule's target."""

    agent: str
    input: bytes
    metadata: dict[str, str] = field(default_factory=dict)
    deadline: timedelta | None = None
    max_cost_micro: int = 0
    callback_url: str | None = None


SPEC_FIELDS = tuple(one.name for one in fields(JobSpec))
_PLAIN = JobSpec(agent="", input=b"")
_MS = timedelta(milliseconds=1)


def members_of(spec: JobSpec) -> dict[str, Any]:
    """Return what describes the job, by name, to make another kind of `JobSpec` of it."""
    return {name: getattr(spec, name) for name in SPEC_FIELDS}


def options_of(spec: JobSpec) -> dict[str, object]:
    """Return as JSON what differs from a plain job of this agent, under the names that SQL has."""
    given = {
        name: value
        for name, value in members_of(spec).items()
        if name not in ("agent", "input") and value != getattr(_PLAIN, name)
    }
    if spec.deadline is not None:
        given["deadline_ms"] = round(given.pop("deadline") / _MS)
    return given


def with_options(agent: str, input_: bytes, options: Mapping[str, Any]) -> JobSpec:
    """Read what `options_of` wrote."""
    given = {name: value for name, value in options.items() if name in SPEC_FIELDS}
    if options.get("deadline_ms") is not None:
        given["deadline"] = options["deadline_ms"] * _MS
    return JobSpec(**(given | {"agent": agent, "input": input_}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission(JobSpec):
    """A job as its caller asked for it, checked and ready to be stored."""

    tenant_id: TenantId
    job_id: JobId
    run_at: datetime | None = None
    delay: timedelta | None = None
    parent_id: UUID | None = None
    root_id: UUID | None = None
    depth: int = 0
    # What becomes of it while another job of its session lives; None: it is queued, and as nobody
    # waits for the reply, it is not refused for being another user's either.
    on_busy: OnBusy | None = None
    # How long a session lasts that this job begins; None: as long as the database says.
    session_ttl: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds on one job of an agent, counted before work is handed out."""

    max_steps: int = 1_000
    max_rounds: int = 200
    max_parallel: int = 64
    # None: not limited.
    max_model_calls: int | None = None
    max_tool_calls: int | None = None
    max_calls_of: Mapping[str, int] = field(default_factory=dict)
    max_tokens: int | None = None
    max_replans: int = 5
    # How often an invalid plan goes back to the model before the job gives up.
    max_invalid_plans: int = 3
    # How often the same call with the same arguments may be planned.
    max_repeats: int = 3
    # How deep jobs may start jobs below this one.
    max_depth: int = 3
