"""Identifiers: their types, their wire forms, and how the key of an effect is derived."""

import re
from dataclasses import dataclass
from typing import NewType
from uuid import UUID, uuid5

TenantId = NewType("TenantId", str)
JobId = NewType("JobId", UUID)
WorkerId = NewType("WorkerId", UUID)
EffectKey = NewType("EffectKey", UUID)

_EFFECTS = UUID("6f2f3f0e-5d0c-5b7e-9a57-3c1f0a9d8e11")
_DIGITS = re.compile("[0-9a-f]{32}")
# Read from callers with and without dashes.
LOOSE_DIGITS = "[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}"
_LOOSE = re.compile(LOOSE_DIGITS)
_WIRE_FORM = re.compile(f"(?:job_|resp_)?({LOOSE_DIGITS})")


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


@dataclass(frozen=True, slots=True)
class PublicId:
    """How the ids of one kind of thing are written for others: a prefix and 32 digits."""

    prefix: str
    # Whether it is also read without its prefix, and with dashes.
    loose: bool = False

    @property
    def form(self) -> str:
        """The pattern of what is written."""
        return f"^{self.prefix}_{_DIGITS.pattern}$"

    @property
    def form_read(self) -> str:
        return f"^({self.prefix}_)?{LOOSE_DIGITS}$" if self.loose else self.form

    def written(self, row_id: UUID) -> str:
        return f"{self.prefix}_{row_id.hex}"

    def read(self, text: str) -> UUID | None:
        """Parse an id; None when it is none of this kind."""
        bare = text.removeprefix(f"{self.prefix}_")
        form = _LOOSE if self.loose else _DIGITS
        is_one = form.fullmatch(bare) and (self.loose or bare != text)
        return UUID(bare) if is_one else None


BATCH_ID = PublicId("batch", loose=True)
DEAD_LETTER_ID = PublicId("dl")
DELIVERY_ID = PublicId("whd")
ENDPOINT_ID = PublicId("we")
EVENT_ID = PublicId("evt")
MEMORY_ID = PublicId("mem")
SCHEDULE_ID = PublicId("sched", loose=True)
TRIGGER_ID = PublicId("trg")


def effect_key(root_id: UUID, position: int, ordinal: int = 0) -> EffectKey:
    """Derive an effect's key from where it stands, never from the attempt that makes it."""
    return EffectKey(uuid5(_EFFECTS, f"{root_id.hex}:{position}:{ordinal}"))
