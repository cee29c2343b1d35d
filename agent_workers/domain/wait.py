"""Waiting without a worker: what a parked step waits for, and what came of it."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from agent_workers.domain.ids import JobId


class WaitKind(StrEnum):
    CHILD = "child"
    EVENT = "event"
    PERSON = "person"
    TIMER = "timer"
    BREAKER = "breaker"
    # A place among the calls that a tool may have at once.
    PLACE = "place"
    # A worker that has the agent, or the tool, of the step.
    WORKER = "worker"


def lacking_agent(name: str) -> str:
    """The key under which steps wait for a worker that has this agent."""
    return f"agent:{name}"


def lacking_tool(name: str) -> str:
    return f"tool:{name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """A job that a step starts and waits for; its budget is carved from its parent's."""

    job_id: JobId
    agent: str
    input: bytes
    # None: an equal part of what its parent has left, but for `reserve_micro`, or no limit at all.
    max_cost_micro: int | None = None
    reserve_micro: int = 0
    max_steps: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """A due time that can be brought forward: by an answer under this key, or by nobody."""

    kind: WaitKind
    key: str
    # None: for as long as it takes. A child's is its own deadline: its parent waits for its end.
    timeout: timedelta | None = None
    # What a person is asked, or may see: JSON.
    prompt: bytes = b"{}"
    child: Child | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Waited:
    """What is known of a wait when its step is claimed again."""

    kind: WaitKind
    key: str
    # JSON; None while nothing has come.
    answer: bytes | None
    timed_out: bool
    # What the wait holds of its job's allowance: given back when its step is recorded.
    held_micro: int = 0
