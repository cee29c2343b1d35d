"""A delta: a piece of what a model says while it says it; the journal holds what it said."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Delta:
    """Each attempt of a step begins its text anew, and each provider `call` of an attempt does."""

    job_id: UUID
    position: int
    attempt: int
    call: int
    text: str
