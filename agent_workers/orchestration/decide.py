"""The brain: what follows an outcome. Pure and total: no clock, no random, no I/O."""

from collections.abc import Sequence

from agent_workers.domain.claim import Claimed
from agent_workers.domain.decision import Continue, Decision, Fail, Finish, Join
from agent_workers.domain.encoding import canonical
from agent_workers.domain.engaging import ASK_PERSON, ENGAGED
from agent_workers.domain.step import (
    Broke,
    GaveUp,
    Judged,
    Lane,
    NextStep,
    Outcome,
    Planned,
    StepKind,
    ToolCall,
    ToolFailed,
    ToolRan,
    Verdict,
)
from agent_workers.orchestration.engage import TRAITS
from agent_workers.orchestration.traits import AgentTraits


def decide(claimed: Claimed, outcome: Outcome, agent: AgentTraits) -> Decision:
    """Say what follows what a step gave."""
    match outcome:
        case Planned():
            return _after_plan(claimed, outcome, agent)
        case ToolRan() | ToolFailed():
            return Join(outcome=outcome, step=evaluation(claimed.round, agent))
        case Judged():
            return _after_verdict(claimed, outcome, agent)
        case GaveUp():
            return Fail(outcome=outcome, code=outcome.code, message=outcome.message)


def missing(claimed: Claimed, agent: AgentTraits | None) -> Broke:
    """Another worker may have it, so the step is tried again before its job fails."""
    if agent is None:
        return Broke(
            code="unknown_agent",
            message=f"this worker has no agent {claimed.agent!r}",
            retryable=True,
        )
    return Broke(
        code="unknown_tool",
        message=f"agent {claimed.agent!r} has no tool {claimed.tool!r} here",
        retryable=True,
    )


def _after_plan(claimed: Claimed, planned: Planned, agent: AgentTraits) -> Decision:
    if len(planned.calls) > agent.limits.max_parallel:
        return Fail(
            outcome=planned,
            code="too_many_tools",
            message=f"{len(planned.calls)} tools at once; {agent.limits.max_parallel} are allowed",
        )
    unknown = sorted({call.tool for call in planned.calls} - agent.tools.keys() - ENGAGED)
    if unknown:
        return Fail(outcome=planned, code="unknown_tool", message=f"no such tool: {unknown!r}")
    if not planned.calls:
        return Continue(outcome=planned, steps=(evaluation(claimed.round, agent),))
    first = tuple(call for call in planned.calls if not call.after)
    return Continue(outcome=planned, steps=_uses(first, claimed.round, agent))


def _after_verdict(claimed: Claimed, judged: Judged, agent: AgentTraits) -> Decision:
    match judged.verdict:
        case Verdict.ACCEPT:
            return Finish(outcome=judged, output=judged.output or b"null")
        case Verdict.FAIL:
            return Fail(outcome=judged, code="evaluation_failed", message=judged.reason)
        case _ if judged.calls:
            return Continue(outcome=judged, steps=_uses(judged.calls, claimed.round, agent))
        case Verdict.ASK:
            question = ToolCall(tool=ASK_PERSON, arguments=canonical({"question": judged.question}))
            return Continue(outcome=judged, steps=_uses((question,), claimed.round, agent))
        case Verdict.CONTINUE if claimed.round + 1 >= agent.limits.max_rounds:
            limit = f"no answer within {agent.limits.max_rounds} rounds"
            return Fail(outcome=judged, code="too_many_rounds", message=limit)
        case Verdict.CONTINUE | Verdict.RETRY | Verdict.REPLAN | Verdict.ESCALATE:
            return Continue(outcome=judged, steps=(_plan(claimed.round + 1, agent),))


def _plan(round_: int, agent: AgentTraits) -> NextStep:
    return NextStep(
        kind=StepKind.PLAN,
        lane=Lane.PLAN,
        round=round_,
        timeout_ms=agent.plan_timeout_ms,
        hold_micro=agent.plan_hold_micro,
    )


def _uses(calls: Sequence[ToolCall], round_: int, agent: AgentTraits) -> tuple[NextStep, ...]:
    return tuple(_use(call, round_, agent) for call in calls)


def _use(call: ToolCall, round_: int, agent: AgentTraits) -> NextStep:
    traits = TRAITS.get(call.tool) or agent.tools[call.tool]
    return NextStep(
        kind=StepKind.TOOL,
        lane=traits.lane,
        round=round_,
        timeout_ms=traits.timeout_ms,
        tool=call.tool,
        arguments=call.arguments,
        call_id=call.call_id,
        effect=traits.rules.cls,
    )


def evaluation(round_: int, agent: AgentTraits) -> NextStep:
    return NextStep(
        kind=StepKind.EVALUATE,
        lane=Lane.EVALUATE,
        round=round_,
        timeout_ms=agent.evaluate_timeout_ms,
        hold_micro=agent.evaluate_hold_micro,
    )
