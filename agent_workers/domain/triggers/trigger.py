"""A trigger: which events it wants, and what job each of them starts."""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from agent_workers.domain.errors import AgentWorkersError
from agent_workers.domain.triggers.event import CloudEvent


class TooMuchAtOnce(AgentWorkersError):
    """The events of one message ask for more than one message may; fewer of them may pass."""

    code = "too_much_at_once"


class TriggerRefused(AgentWorkersError):
    """A trigger cannot work as it is written; `pointer` says which part of it."""

    code = "invalid_request"

    def __init__(self, message: str, *, pointer: str) -> None:
        super().__init__(message)
        self.pointer = pointer


class TriggerNameTaken(AgentWorkersError):
    """Another trigger of this tenant has this name."""

    code = "trigger_name_taken"


@dataclass(frozen=True, slots=True, kw_only=True)
class Selector:
    """Which events a trigger wants: match on type and source, then on all of `where`."""

    trigger_id: UUID
    name: str
    types: tuple[str, ...] = ("*",)
    sources: tuple[str, ...] = ("*",)
    where: tuple[str, ...] = ()
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger(Selector):
    """A selector, and the job that each event which it wants starts."""

    agent: str
    # JSON of the user's shape: its strings may hold ${…}, expressions over the event.
    template: object = "${event}"
    metadata: dict[str, str] = field(default_factory=dict)
    priority: int = 0
    max_steps: int = 1_000
    max_cost_micro: int = 0
    enabled: bool = True
    created_at: datetime | None = None


def key_of(selector: Selector, event: CloudEvent) -> str:
    """Derive the key of the job that this event starts: a source and an id are one event for ever.

    No caller's idempotency key holds a space, so the two kinds never meet.
    """
    name = f"{len(event.source)}:{event.source}{event.id}".encode()
    return f"trigger {selector.trigger_id.hex} {hashlib.sha256(name).hexdigest()}"
