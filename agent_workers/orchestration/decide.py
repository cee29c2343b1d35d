"""The brain: what follows an outcome. Pure and total: no clock, no random, no I/O."""

from datetime import timedelta

from agent_workers.domain.claim import Claimed
from agent_workers.domain.decision import Continue, Decision, Fail, Finish, Join, TryAgain
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
from agent_workers.orchestration.retry import delay_after
from agent_workers.orchestration.traits import AgentTraits


def decide(claimed: Claimed, outcome: Outcome, agent: AgentTraits) -> Decision:
    """Say what follows what a step gave."""
    match outcome:
        case Planned():
            return _after_plan(claimed, outcome, agent)
        case ToolRan() | ToolFailed():
            return Join(outcome=outcome, step=_evaluate(claimed.round, agent))
        case Judged():
            return _after_verdict(claimed, outcome, agent)
        case GaveUp():
            return Fail(outcome=outcome, code=outcome.code, message=outcome.message)


def after_break(claimed: Claimed, broke: Broke, agent: AgentTraits, *, jitter: float) -> Decision:
    """Say what follows a failed attempt: another, or the end of trying."""
    tries = claimed.tries + 1
    if broke.retryable and tries < _max_tries(claimed, agent):
        return TryAgain(
            delay=_delay(broke, tries, jitter),
            code=broke.code,
            message=broke.message,
            cost_micro=broke.usage.cost_micro,
        )
    if claimed.kind is StepKind.TOOL:
        failed = ToolFailed(code=broke.code, message=broke.message)
        return Join(outcome=failed, step=_evaluate(claimed.round, agent))
    gave_up = GaveUp(code=broke.code, message=broke.message, usage=broke.usage)
    return Fail(outcome=gave_up, code=broke.code, message=broke.message)


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
    unknown = sorted({call.tool for call in planned.calls} - agent.tools.keys())
    if unknown:
        return Fail(outcome=planned, code="unknown_tool", message=f"no such tool: {unknown!r}")
    if not planned.calls:
        return Continue(outcome=planned, steps=(_evaluate(claimed.round, agent),))
    steps = tuple(_use(call, claimed.round, agent) for call in planned.calls)
    return Continue(outcome=planned, steps=steps)


def _after_verdict(claimed: Claimed, judged: Judged, agent: AgentTraits) -> Decision:
    match judged.verdict:
        case Verdict.ACCEPT:
            return Finish(outcome=judged, output=judged.output or b"null")
        case Verdict.FAIL:
            return Fail(outcome=judged, code="evaluation_failed", message=judged.reason)
        case Verdict.CONTINUE if claimed.round + 1 >= agent.limits.max_rounds:
            limit = f"no answer within {agent.limits.max_rounds} rounds"
            return Fail(outcome=judged, code="too_many_rounds", message=limit)
        case Verdict.CONTINUE:
            return Continue(outcome=judged, steps=(_plan(claimed.round + 1, agent),))


def _plan(round_: int, agent: AgentTraits) -> NextStep:
    return NextStep(
        kind=StepKind.PLAN,
        lane=Lane.PLAN,
        round=round_,
        timeout_ms=agent.plan_timeout_ms,
        hold_micro=agent.plan_hold_micro,
    )


def _use(call: ToolCall, round_: int, agent: AgentTraits) -> NextStep:
    traits = agent.tools[call.tool]
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


def _evaluate(round_: int, agent: AgentTraits) -> NextStep:
    return NextStep(
        kind=StepKind.EVALUATE,
        lane=Lane.EVALUATE,
        round=round_,
        timeout_ms=agent.evaluate_timeout_ms,
        hold_micro=agent.evaluate_hold_micro,
    )


def _max_tries(claimed: Claimed, agent: AgentTraits) -> int:
    if claimed.kind is StepKind.TOOL and claimed.tool in agent.tools:
        return agent.tools[claimed.tool].max_tries
    return agent.max_tries


def _delay(broke: Broke, tries: int, jitter: float) -> timedelta:
    if broke.retry_after_s is not None:
        return timedelta(seconds=broke.retry_after_s)
    return delay_after(tries, jitter=jitter)
