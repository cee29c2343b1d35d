"""What a schedule starts, a job or a batch, and how that is kept as JSON."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from uuid import UUID

from agent_workers.domain.ids import SCHEDULE_ID, JobId, TenantId, time_ordered
from agent_workers.domain.job import Submission
from agent_workers.domain.schedules.schedule import run_name

_MS = timedelta(milliseconds=1)
# Every tick, list and change reads it; what a caller said of it is kept beside what it starts.
LARGEST_TARGET = 512 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class JobTarget:
    """The template of one job."""

    agent: str
    input: bytes
    metadata: Mapping[str, str] = field(default_factory=dict)
    priority: int = 0
    deadline: timedelta | None = None
    max_cost_micro: int = 0
    max_steps: int = 1_000
    callback_url: str | None = None
    user_id: str = ""
    session_id: str = ""
    # The caller's own words, to show them again.
    asked: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchTarget:
    """A batch, specified as SQL's `create_batch` takes it."""

    spec: Mapping[str, object]
    asked: Mapping[str, object] = field(default_factory=dict)

    @property
    def agents(self) -> list[str]:
        """The agents of its items, each once."""
        items = self.spec["items"]
        assert isinstance(items, list)
        return list(dict.fromkeys(item["agent"] for item in items))


Target = JobTarget | BatchTarget


def write_target(target: Target) -> bytes:
    match target:
        case JobTarget():
            deadline = None if target.deadline is None else round(target.deadline / _MS)
            kept: dict[str, object] = {
                "agent": target.agent,
                "metadata": dict(target.metadata),
                "priority": target.priority,
                "deadline_ms": deadline,
                "max_cost_micro": target.max_cost_micro,
                "max_steps": target.max_steps,
                "callback_url": target.callback_url,
                "user_id": target.user_id,
                "session_id": target.session_id,
                "input": json.loads(target.input),
            }
            return _written(job=kept, asked=target.asked)
        case BatchTarget():
            return _written(batch=target.spec, asked=target.asked)


def read_target(written: bytes) -> Target:
    """Read what `write_target` wrote."""
    kept = json.loads(written)
    if "batch" in kept:
        return BatchTarget(spec=kept["batch"], asked=kept["asked"])
    job = kept["job"]
    deadline = job["deadline_ms"]
    return JobTarget(
        agent=job["agent"],
        input=json.dumps(job["input"]).encode("ascii"),
        metadata=job["metadata"],
        priority=job["priority"],
        deadline=None if deadline is None else deadline * _MS,
        max_cost_micro=job["max_cost_micro"],
        max_steps=job["max_steps"],
        callback_url=job["callback_url"],
        # Schedules of an earlier release name nobody.
        user_id=job.get("user_id", ""),
        session_id=job.get("session_id", ""),
        asked=kept["asked"],
    )


def _written(**parts: Mapping[str, object]) -> bytes:
    return json.dumps({name: dict(part) for name, part in parts.items()}).encode("ascii")


def run_id(schedule_id: UUID, fire_at: datetime) -> UUID:
    """Return the id of what a run starts: the same whoever fires it, however often."""
    digest = sha256(run_name(schedule_id, fire_at)).digest()
    return time_ordered(max(0, round(fire_at.timestamp() * 1000)), digest)


def run_metadata(schedule_id: UUID, fire_at: datetime) -> dict[str, str]:
    """Return what a job or a batch says of where it comes from."""
    at = fire_at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return {"schedule_id": SCHEDULE_ID.written(schedule_id), "scheduled_at": at}


def job_of_run(
    target: JobTarget, tenant_id: TenantId, schedule_id: UUID, fire_at: datetime, delay: timedelta
) -> Submission:
    """Fill in the template for one fire time."""
    return Submission(
        tenant_id=tenant_id,
        job_id=JobId(run_id(schedule_id, fire_at)),
        agent=target.agent,
        input=target.input,
        metadata={**target.metadata, **run_metadata(schedule_id, fire_at)},
        priority=target.priority,
        run_at=fire_at + delay if delay else None,
        deadline=target.deadline,
        max_cost_micro=target.max_cost_micro,
        max_steps=target.max_steps,
        callback_url=target.callback_url,
        user_id=target.user_id,
        session_id=target.session_id,
    )


def batch_of_run(target: BatchTarget, schedule_id: UUID, fire_at: datetime) -> dict[str, object]:
    metadata = target.spec.get("metadata")
    known = metadata if isinstance(metadata, dict) else {}
    return {**target.spec, "metadata": {**known, **run_metadata(schedule_id, fire_at)}}


def jitter_of(schedule_id: UUID, fire_at: datetime, most: timedelta) -> timedelta:
    """Return a delay up to `most` that is always the same for the same run."""
    share = int.from_bytes(sha256(b"jitter" + run_name(schedule_id, fire_at)).digest()[:4], "big")
    return most * (share / 2**32)
