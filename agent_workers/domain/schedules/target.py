"""What a schedule starts, a job or a batch, and how that is kept as JSON."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from uuid import UUID

from agent_workers.domain.ids import SCHEDULE_ID, JobId, TenantId, time_ordered
from agent_workers.domain.job import JobSpec, Submission, members_of, options_of, with_options
from agent_workers.domain.schedules.schedule import run_name

# Every tick, list and change reads it; what a caller said of it is kept beside what it starts.
LARGEST_TARGET = 512 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class JobTarget(JobSpec):
    """The template of one job."""

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
            kept = {"agent": target.agent, "input": json.loads(target.input)}
            return _written(job=options_of(target) | kept, asked=target.asked)
        case BatchTarget():
            return _written(batch=target.spec, asked=target.asked)


def read_target(written: bytes) -> Target:
    """Read what `write_target` wrote."""
    kept = json.loads(written)
    if "batch" in kept:
        return BatchTarget(spec=kept["batch"], asked=kept["asked"])
    job = kept["job"]
    spec = with_options(job["agent"], json.dumps(job["input"]).encode("ascii"), job)
    return JobTarget(**members_of(spec), asked=kept["asked"])


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
    metadata = {**target.metadata, **run_metadata(schedule_id, fire_at)}
    return Submission(
        **(members_of(target) | {"metadata": metadata}),
        tenant_id=tenant_id,
        job_id=JobId(run_id(schedule_id, fire_at)),
        run_at=fire_at + delay if delay else None,
    )


def batch_of_run(target: BatchTarget, schedule_id: UUID, fire_at: datetime) -> dict[str, object]:
    metadata = target.spec.get("metadata")
    known = metadata if isinstance(metadata, dict) else {}
    return {**target.spec, "metadata": {**known, **run_metadata(schedule_id, fire_at)}}


def jitter_of(schedule_id: UUID, fire_at: datetime, most: timedelta) -> timedelta:
    """Return a delay up to `most` that is always the same for the same run."""
    share = int.from_bytes(sha256(b"jitter" + run_name(schedule_id, fire_at)).digest()[:4], "big")
    return most * (share / 2**32)
