"""What a test sees of a job: its end, its steps, its effects, what it waits for, and its journal."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from agent_workers.testing.memory.rows import Effect, Entry, Job, Rows, Step


@dataclass(frozen=True, slots=True, kw_only=True)
class StepSeen:
    position: int
    round: int
    kind: str
    tool: str
    # Any: JSON, here and below.
    arguments: Any
    status: str
    # Attempts that failed before the one that counts.
    tries: int
    # What it gave: `planned`, `tool_ran`, `tool_failed`, `judged` …, and as JSON.
    outcome: str
    result: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectSeen:
    tool: str
    # As the tool gets it in `call.key`.
    key: str
    # `intended`, `done`, `in_doubt` or `abandoned`.
    state: str
    permits: int
    result: Any
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitSeen:
    """What a step waits for: a `child`, an `event`, a `person`, a `timer`, a `breaker` …"""

    kind: str
    key: str
    prompt: Any
    until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSeen:
    """A job at one moment; `status` is what the API would say."""

    status: str
    answer: Any
    error: Mapping[str, Any] | None
    steps: tuple[StepSeen, ...]
    effects: tuple[EffectSeen, ...]
    waits: tuple[WaitSeen, ...]
    journal: tuple[Entry, ...]
    workflow: str
    degraded: tuple[str, ...]
    spent_micro: int
    held_micro: int

    @property
    def calls(self) -> list[tuple[str, Any]]:
        """Name each tool that was called, with its arguments, in the order of the plan."""
        return [(step.tool, step.arguments) for step in self.steps if step.tool]


def seen(rows: Rows, job: Job) -> JobSeen:
    return JobSeen(
        status=job.status,
        answer=_json(job.output),
        error=_json(job.error),
        steps=tuple(_step(step) for step in job.steps),
        effects=tuple(_effect(effect) for effect in rows.effects_of(job)),
        waits=tuple(_waits(rows)),
        journal=tuple(job.journal),
        workflow=job.workflow,
        degraded=tuple(job.degraded),
        spent_micro=job.spent_micro,
        held_micro=job.held_micro,
    )


def _step(step: Step) -> StepSeen:
    return StepSeen(
        position=step.position,
        round=step.told.round,
        kind=step.told.kind,
        tool=step.told.tool,
        arguments=_json(step.told.arguments),
        status=step.status,
        tries=step.tries,
        outcome=step.outcome_type,
        result=_json(step.outcome),
    )


def _effect(effect: Effect) -> EffectSeen:
    return EffectSeen(
        tool=effect.tool,
        key=effect.key.hex,
        state=effect.state,
        permits=len(effect.permits),
        result=_json(effect.result),
        reason=effect.reason or "",
    )


def _waits(rows: Rows) -> Iterator[WaitSeen]:
    """Give what is waited for, by the job or by one that it has started."""
    for _, _, waiting in rows.waiting():
        wait, until = waiting.wait, waiting.expires_at
        if until is not None and until <= rows.now():
            continue
        yield WaitSeen(
            kind=wait.kind,
            key=wait.key,
            prompt=_json(wait.prompt),
            until=until,
        )


def _json(text: bytes | None) -> Any:  # noqa: ANN401 (see above)
    return json.loads(text) if text else None
