"""A step: its kinds and lanes, what it is told to do, and the union of what doing it gave."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from agent_workers.domain.budget import NO_USAGE, Usage
from agent_workers.domain.cause import Cause
from agent_workers.domain.effect import EffectClass
from agent_workers.domain.trouble import Trouble


class StepKind(StrEnum):
    PLAN = "plan"
    TOOL = "tool"
    EVALUATE = "evaluate"


class StepStatus(StrEnum):
    READY = "ready"
    CLAIMED = "claimed"
    PAUSED = "paused"
    DONE = "done"
    IN_DOUBT = "in_doubt"
    QUARANTINED = "quarantined"
    CANCELED = "canceled"


# The database holds the same table again, as a trigger; a test keeps the two equal.
STEP_MOVES: dict[StepStatus, frozenset[StepStatus]] = {
    StepStatus.READY: frozenset(
        {StepStatus.CLAIMED, StepStatus.PAUSED, StepStatus.QUARANTINED, StepStatus.CANCELED}
    ),
    StepStatus.CLAIMED: frozenset(StepStatus) - {StepStatus.CLAIMED},
    StepStatus.PAUSED: frozenset({StepStatus.READY, StepStatus.CANCELED}),
    StepStatus.DONE: frozenset(),
    StepStatus.IN_DOUBT: frozenset({StepStatus.READY, StepStatus.PAUSED, StepStatus.CANCELED}),
    StepStatus.QUARANTINED: frozenset({StepStatus.READY, StepStatus.PAUSED, StepStatus.CANCELED}),
    StepStatus.CANCELED: frozenset(),
}


class Lane(StrEnum):
    """The queue of a step kind; tools whose effects need a process of their own have theirs."""

    PLAN = "plan"
    TOOL = "tool"
    EFFECT = "effect"
    EVALUATE = "evaluate"


class Verdict(StrEnum):
    """What an evaluator says of a round."""

    ACCEPT = "accept"
    CONTINUE = "continue"
    RETRY = "retry"
    REPLAN = "replan"
    ESCALATE = "escalate"
    ASK = "ask"
    FAIL = "fail"


class Judge(StrEnum):
    """Who gave a verdict."""

    CHECKS = "checks"
    FUNCTION = "function"
    MODEL = "model"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """One use of a tool, with its arguments as the exact canonical bytes that were decided.

    `after`: the calls of the same plan whose results it needs; it is held back until they are in.
    """

    tool: str
    arguments: bytes
    call_id: str = ""
    after: tuple[str, ...] = ()
    description: str = ""
    done_when: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """The plan chose tools to run side by side; none at all means it answered.

    `problems`: why the plan cannot be used; it is then shown to whoever plans next, and not run.
    """

    calls: tuple[ToolCall, ...]
    workflow: str = ""
    answer: bytes | None = None
    usage: Usage = NO_USAGE
    degraded: str = ""
    problems: tuple[str, ...] = ()
    # The one that answered, where a model was asked; below as well.
    model: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolRan:
    """The tool returned; the result is JSON bytes that were encoded once and never again."""

    result: bytes
    usage: Usage = NO_USAGE
    # In which way this is less than what was asked for, if it is.
    degraded: str = ""
    # When the tool gave it, where it serves again: it was not called for this.
    cached_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolFailed:
    """The tool ended without a result, for good; the evaluator sees it as data.

    `fallback`: the tool that is asked instead; what that one gives is all that is seen then.
    `left_no_mark`: said of a tool with an effect, when no attempt can have had it.
    """

    code: str
    message: str
    fallback: str = ""
    left_no_mark: bool = False
    degraded: str = ""
    usage: Usage = NO_USAGE
    # What was raised, where something was; also below.
    trouble: Trouble | None = field(default=None, compare=False)
    # What made the job of another agent fail, where that is why.
    cause: Cause | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """The evaluator's verdict on the round, with the answer when it accepts.

    `calls`: what to run now, without another plan: the next of the same one, or again what failed.
    `about`: the calls whose results are not what was promised; whoever plans anew must not build
    on them. `by`: who said it: the deterministic checks, the agent's function, or a model.
    `cause`: the call that failed, where that is why the job fails.
    """

    verdict: Verdict
    output: bytes | None = None
    reason: str = ""
    usage: Usage = NO_USAGE
    calls: tuple[ToolCall, ...] = ()
    question: str = ""
    degraded: str = ""
    about: tuple[str, ...] = ()
    by: Judge = Judge.CHECKS
    model: str = ""
    cause: Cause | None = field(default=None, compare=False)
    trouble: Trouble | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class GaveUp:
    """The step ended without anything to go on with; the job fails with this reason."""

    code: str
    message: str
    usage: Usage = NO_USAGE
    degraded: str = ""
    model: str = ""
    trouble: Trouble | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Summarised:
    """What older turns of the job's session came to, so that a plan need not see them all.

    No `text`: nobody could say; then they go unsaid. `version`: of the session that was read.
    """

    text: str
    first: int
    last: int
    version: str
    usage: Usage = NO_USAGE
    degraded: str = ""
    model: str = ""


Outcome = Planned | ToolRan | ToolFailed | Judged | GaveUp | Summarised


@dataclass(frozen=True, slots=True, kw_only=True)
class Broke:
    """An attempt failed: not an outcome, because the step may be tried again."""

    code: str
    message: str
    retryable: bool
    retry_after_s: float | None = None
    usage: Usage = NO_USAGE
    # The breaker that stands in the way: the step waits for it, and no attempt is burnt.
    parks_on: str = ""
    trouble: Trouble | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class NextStep:
    """A step that a decision asks for, before it has a position."""

    kind: StepKind
    lane: Lane
    timeout_ms: int
    round: int
    tool: str = ""
    arguments: bytes = b""
    call_id: str = ""
    effect: EffectClass = EffectClass.PURE
    hold_micro: int = 0
