"""Declaring agents: what plans, what evaluates, which tools it may use, within which limits."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from agent_workers.domain.job import Limits
from agent_workers.domain.tool import Tool


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """One finished step, as planners and evaluators see it."""

    position: int
    round: int
    kind: str
    tool: str
    type: str
    # Any: JSON of whatever shape the tool, the model or the planner returned.
    value: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What a planner or an evaluator sees of its job."""

    tenant_id: str
    job_id: UUID
    # Any: the job's input is JSON of the caller's shape.
    input: Any
    round: int
    history: Sequence[Past]

    @property
    def text(self) -> str:
        """The request in words: the input itself, or its `message` or `goal`."""
        if isinstance(self.input, str):
            return self.input
        if isinstance(self.input, dict):
            return str(self.input.get("message") or self.input.get("goal") or "")
        return ""

    @property
    def results(self) -> tuple[Past, ...]:
        """The tool steps of this round, in the order in which they were planned."""
        return tuple(p for p in self.history if p.kind == "tool" and p.round == self.round)


@dataclass(frozen=True, slots=True)
class Use:
    """A planner's wish: run this tool with these arguments."""

    tool: str
    arguments: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a planner decided: tools to run side by side, under the name of a workflow."""

    uses: Sequence[Use]
    workflow: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """A planner's or evaluator's answer: the job's output."""

    output: object


@dataclass(frozen=True, slots=True)
class Continue:
    """An evaluator's wish for another round."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class GiveUp:
    """A planner or evaluator sees no way on; the job fails with this reason."""

    reason: str


Planner = Callable[[Situation], Plan | Answer | GiveUp]
Evaluator = Callable[[Situation], Answer | Continue | GiveUp]


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """A declared agent. Plan and evaluate are Python functions, or come from its model."""

    name: str
    tools: Sequence[Tool] = ()
    plan: Planner | None = None
    evaluate: Evaluator | None = None
    model: str | None = None
    instructions: str = ""
    limits: Limits = field(default_factory=Limits)
    step_timeout: timedelta = timedelta(seconds=60)
    max_cost_micro_per_call: int = 0
    version: str = "1"
