"""Declaring agents: what plans, what evaluates, which tools it may use, within which limits."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from itertools import takewhile
from typing import Any
from uuid import UUID

from agent_workers.domain.agents.judging import Judging
from agent_workers.domain.course import NEW, Course
from agent_workers.domain.job import Limits
from agent_workers.domain.memory.session import SILENCE, Conversation, OnStuckTurn
from agent_workers.domain.models.settings import NOTHING_SAID, ModelSettings
from agent_workers.domain.tools.tool import Tool


class PlanMode(StrEnum):
    # One turn of a model at a time: calls or an answer.
    REACT = "react"
    # The whole plan first, checked; it is made anew only after a failed evaluation.
    PLAN_EXECUTE = "plan_execute"


class Purpose(StrEnum):
    """What a model is asked for; each has a ladder of models of its own."""

    PLAN = "plan"
    ARGUMENTS = "arguments"
    EVALUATE = "evaluate"
    SUMMARISE = "summarise"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A rule of a router: where `when` (CEL over `input` and `text`) holds, this agent takes over."""

    when: str
    agent: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """One finished step, as planners and evaluators see it."""

    position: int
    round: int
    kind: str
    tool: str
    type: str
    value: Any  # JSON of whatever shape the tool, the model or the planner returned
    call_id: str = ""
    origin: Any = None  # JSON: of a failed call where it raised, or what failed in another job


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What a planner or an evaluator sees of its job."""

    tenant_id: str
    job_id: UUID
    # Any: the job's input is JSON of the caller's shape.
    input: Any
    round: int
    history: Sequence[Past]
    course: Course = NEW
    # What was said before in its session.
    session: Conversation = SILENCE

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
        """What each call of this round gave last, in the order in which they first ran."""
        # From the end: older rounds are not even parsed, so that a long job's rounds cost no more.
        newer = takewhile(lambda past: past.round >= self.round, reversed(self.history))
        newest: dict[str | int, Past] = {}
        for past in reversed(tuple(newer)):
            if past.kind == "tool":
                newest[past.call_id or past.position] = past
        return tuple(newest.values())


@dataclass(frozen=True, slots=True)
class Use:
    """A planner's wish: run this tool with these arguments, once those of `after` have run.

    An argument `{"$from": ID}` stands for the result of the use with that id, and with a second
    key `"path"` for a part of it: `{"$from": "order", "path": "lines.0.price"}`.
    """

    tool: str
    arguments: Mapping[str, object] = field(default_factory=dict)
    id: str = ""
    after: Sequence[str] = ()
    description: str = ""
    done_when: str = ""


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


@dataclass(frozen=True, slots=True)
class Retry:
    """An evaluator's wish: run these calls of the round again, or all that failed."""

    ids: Sequence[str] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Replan:
    """An evaluator's wish: the plan was wrong; make another."""

    reason: str


@dataclass(frozen=True, slots=True)
class Escalate:
    """An evaluator's wish: let a stronger model plan from here on."""

    reason: str


@dataclass(frozen=True, slots=True)
class Ask:
    """An evaluator's wish: a person decides; the job waits without a worker."""

    question: str


Verdict = Answer | Continue | Retry | Replan | Escalate | Ask | GiveUp
Decided = Plan | Answer | GiveUp
Planner = Callable[[Situation], Decided | Awaitable[Decided]]
Evaluator = Callable[[Situation], Verdict | Awaitable[Verdict]]
# Looks at a round before its evaluator does. None: no objection.
Check = Callable[[Situation], Verdict | Awaitable[Verdict | None] | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """A declared agent. Plan and evaluate are functions (`def` or `async def`), or its model's."""

    name: str
    # A name stands for a tool of this installation: a built-in one, one of an MCP server; or for
    # what the engine does itself, as "ask_person" and "wait".
    tools: Sequence[Tool | str] = ()
    plan: Planner | None = None
    evaluate: Evaluator | None = None
    model: str | None = None
    instructions: str = ""
    limits: Limits = field(default_factory=Limits)
    step_timeout: timedelta = timedelta(seconds=60)
    # Other time-outs than those that its tools declare, by their names.
    timeout_overrides: Mapping[str, timedelta] = field(default_factory=dict)
    max_cost_micro_per_call: int = 0
    # Empty: it is counted. A declared version never changes again.
    version: str = ""
    description: str = ""
    mode: PlanMode = PlanMode.REACT
    # Models by purpose, the first choice first; what has no ladder uses `model`.
    ladders: Mapping[str, Sequence[str]] = field(default_factory=dict)
    # How its models are asked, and by purpose where that differs.
    model_settings: ModelSettings = NOTHING_SAID
    settings_by_purpose: Mapping[str, ModelSettings] = field(default_factory=dict)
    # Instructions by purpose, with {{variables}}; `instructions` is that of all others.
    prompts: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    checks: Sequence[Check] = ()
    judging: Judging = field(default_factory=Judging)
    # JSON schema of the answer.
    output: Mapping[str, Any] | None = None
    # What its answer cites, as in `[doc_7]` or `(source: doc_7)`, must have come from a tool.
    cites: bool = False
    # Agents that it may hand over or delegate to; who takes over by rule; who steps in when it fails.
    team: Sequence[str] = ()
    routes: Sequence[Route] = ()
    fallback: str | None = None
    # What its model may plan besides its tools: "ask_person", "wait", "wait_for_event", "send_event".
    engages: Sequence[str] = ()
    # Model answers may be taken from the cache of exactly equal requests.
    cached: bool = False
    # Model output is streamed to whoever watches the job.
    streamed: bool = False
    # What its jobs do when they are stuck with the turn of their session, and after how long.
    on_stuck_turn: OnStuckTurn = OnStuckTurn.WAIT
    stuck_after: timedelta = timedelta(minutes=15)

    @property
    def bound_tools(self) -> tuple[Tool, ...]:
        """Its tools, where names have been looked up already."""
        return tuple(one for one in self.tools if isinstance(one, Tool))

    def ladder(self, purpose: Purpose) -> tuple[str, ...]:
        """The models for a purpose, the first choice first."""
        own = self.ladders.get(purpose.value) or self.ladders.get(Purpose.PLAN.value) or ()
        return tuple(own) or ((self.model,) if self.model else ())

    def settings_for(self, purpose: Purpose) -> ModelSettings:
        """How its models are asked for a purpose."""
        return self.settings_by_purpose.get(purpose.value, NOTHING_SAID).over(self.model_settings)
