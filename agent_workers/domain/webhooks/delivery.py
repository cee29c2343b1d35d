"""One delivery that is on its way: what was claimed, and the exact bytes that say it."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from agent_workers.domain.ids import EVENT_ID, TenantId, to_wire

# Any: JSON of whatever shape the event has.
Json = dict[str, Any]

# The thin form stays under the 20 kB that Standard Webhooks asks for.
_LONGEST_DETAIL = 4_000
_LONGEST_MESSAGE = 1_000
LONGEST_OUTPUT = 128 * 1_024


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnouncedEvent:
    """Something that happened, as it was written in the transaction in which it did."""

    event_id: UUID
    type: str
    subject: str
    at: datetime
    data: Json
    detail: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedDelivery:
    """A delivery whose attempt is ours until its lease runs out."""

    tenant_id: TenantId
    delivery_id: UUID
    fence: int
    tries: int
    endpoint_id: UUID | None
    url: str
    payload: str
    secret_version: int
    old_secret: bool
    event: AnnouncedEvent
    output: bytes | None
    # Its target fails, or has not answered yet.
    unsure: bool = False


def body_of(claimed: ClaimedDelivery) -> bytes:
    """Write the message; every attempt of a delivery sends the same."""
    said = message_of(claimed.event)
    if claimed.payload == "full" and claimed.event.type == "job.succeeded":
        said["data"] |= _output(claimed.output)
    return json.dumps(said, ensure_ascii=True, separators=(",", ":")).encode("ascii")


def message_of(event: AnnouncedEvent) -> Json:
    at = event.at.astimezone(UTC)
    is_of_job = event.type.startswith("job.")
    return {
        "id": EVENT_ID.written(event.event_id),
        "object": "event",
        "type": event.type,
        "created_at": int(at.timestamp()),
        "timestamp": at.isoformat().replace("+00:00", "Z"),
        "data": _of_job(event) if is_of_job else event.data,
    }


def _of_job(event: AnnouncedEvent) -> Json:
    job = to_wire(UUID(event.subject))
    parent = event.data.get("parent_job_id")
    said: Json = {
        "id": job,
        "object": "job",
        "agent": event.data["agent"],
        "status": event.data["status"],
        "url": f"/v1/jobs/{job}",
        "metadata": event.data["metadata"],
        "sequence": event.data["sequence"],
        "parent_job_id": None if parent is None else to_wire(UUID(parent)),
    }
    return said if event.detail is None else said | _detail(event.type, event.detail)


def _detail(kind: str, detail: bytes) -> Json:
    found = json.loads(detail)
    if kind == "job.failed" and isinstance(found, dict):
        message = str(found.get("message", ""))[:_LONGEST_MESSAGE]
        named = {key: found[key] for key in ("code", "retryable") if key in found}
        return {"error": named | {"message": message}}
    return {"detail": found} if len(detail) <= _LONGEST_DETAIL else {}


def _output(output: bytes | None) -> Json:
    if output is None or len(output) > LONGEST_OUTPUT:
        return {"output": None, "output_omitted": True}
    return {"output": json.loads(output), "output_omitted": False}
