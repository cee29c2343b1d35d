"""Identifiers: their types, their wire forms, and how the key of an effect is derived."""

import re
from typing import NewType
from uuid import UUID, uuid5

TenantId = NewType("TenantId", str)
JobId = NewType("JobId", UUID)
WorkerId = NewType("WorkerId", UUID)
EffectKey = NewType("EffectKey", UUID)

_EFFECTS = UUID("6f2f3f0e-5d0c-5b7e-9a57-3c1f0a9d8e11")
_WIRE_FORM = re.compile(
    r"(?:job_|resp_)?([0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12})"
)


def time_ordered(unix_ms: int, entropy: bytes) -> UUID:
    """Return a version 7 UUID: ids made later sort later, which keeps indexes dense."""
    raw = bytearray(unix_ms.to_bytes(6, "big") + entropy[:10])
    raw[6] = 0x70 | (raw[6] & 0x0F)
    raw[8] = 0x80 | (raw[8] & 0x3F)
    return UUID(bytes=bytes(raw))


def made_at_s(job_id: UUID) -> float | None:
    """Return the Unix time at which such an id was made; other versions do not say."""
    return (job_id.int >> 80) / 1000 if job_id.version == 7 else None  # noqa: PLR2004


def to_wire(job_id: UUID) -> str:
    """Return the public form of a job id."""
    return f"job_{job_id.hex}"


def from_wire(text: str) -> JobId | None:
    """Parse any accepted form of a job id; None when it is none of them."""
    found = _WIRE_FORM.fullmatch(text)
    return JobId(UUID(found.group(1))) if found else None


def effect_key(root_id: UUID, position: int, ordinal: int = 0) -> EffectKey:
    """Derive an effect's key from where it stands, never from the attempt that makes it."""
    return EffectKey(uuid5(_EFFECTS, f"{root_id.hex}:{position}:{ordinal}"))
