"""The brain: what follows an outcome. Pure and total: no clock, no random, no I/O."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from agent_workers.domain.agents.engine_tools import ASK_PERSON, ENGAGED
from agent_workers.domain.cause import Cause
from agent_workers.domain.claim import Claimed
from agent_workers.domain.course import Course
from agent_workers.domain.decision import Continue, Decision, Fail, Finish, Join
from agent_workers.domain.step import (
    GaveUp,
    Judged,
    Lane,
    NextStep,
    Outcome,
    Planned,
    StepKind,
    Summarised,
    ToolCall,
    ToolFailed,
    ToolRan,
    Verdict,
)
from agent_workers.domain.text.encoding import canonical
from agent_workers.orchestration.engine_tools.decide import TRAITS
from agent_workers.orchestration.steps.counting import called, in_circles, repeated, used
from agent_workers.orchestration.steps.limits import CODES, before_calls, before_round
from agent_workers.orchestration.steps.repeating import repeatable
from agent_workers.orchestration.traits import AgentTraits

INVALID: Final = "invalid_plan"
NOT_GOOD: Final = "evaluation_failed"


def decide(claimed: Claimed, outcome: Outcome, agent: AgentTraits) -> Decision:
    """Say what follows what a step gave."""
    match outcome:
        case Planned():
            return _after_plan(claimed, outcome, agent)
        case ToolRan() | ToolFailed():
            return Join(outcome=outcome, step=evaluation(claimed.round, agent))
        case Judged():
            return _after_verdict(claimed, outcome, agent)
        case Summarised():
            return _after_summary(claimed, outcome, agent)
        case GaveUp() if claimed.course.finalising:
            return _ended(claimed, outcome)
        case GaveUp():
            return Fail(outcome=outcome, code=outcome.code, message=outcome.message)


def _after_plan(claimed: Claimed, planned: Planned, agent: AgentTraits) -> Decision:
    if claimed.course.finalising:
        return _ended(claimed, planned)
    course = used(claimed, planned)
    if planned.problems:
        return _after_invalid(claimed, planned, course, agent)
    first = tuple(call for call in planned.calls if not call.after)
    refused = _refused(planned, first, agent)
    if refused is not None:
        return refused
    course = repeated(course, planned.calls, agent)
    if planned.calls and not in_circles(course, planned.calls, agent):
        return _hand_out(claimed, planned, first, course, agent)
    # An answer is judged; so is a plan that turns in circles, and it is not run.
    step = evaluation(claimed.round, agent)
    return Continue(outcome=planned, steps=(step,), course=_changed(claimed, course))


def _after_summary(claimed: Claimed, summarised: Summarised, agent: AgentTraits) -> Continue:
    """Plan now, in the same round: what was summed up is the job's past, not its work."""
    course = used(claimed, summarised)
    steps = (_plan(claimed.round, agent),)
    return Continue(outcome=summarised, steps=steps, course=_changed(claimed, course))


def _refused(planned: Planned, first: Sequence[ToolCall], agent: AgentTraits) -> Fail | None:
    unknown = sorted({call.tool for call in planned.calls} - agent.tools.keys() - ENGAGED)
    if unknown:
        return Fail(outcome=planned, code="unknown_tool", message=_unknown(unknown, agent))
    most = agent.limits.max_parallel
    if len(first) > most:
        message = f"the plan calls {len(first)} tools at once; {most} are allowed (`max_parallel`)"
        return Fail(outcome=planned, code="too_many_tools", message=message)
    if planned.calls and not first:
        return Fail(
            outcome=planned, code=INVALID, message="every call of the plan waits for another one"
        )
    return None


def _unknown(tools: Sequence[str], agent: AgentTraits) -> str:
    named = ", ".join(map(repr, tools))
    its = ", ".join(sorted(agent.tools)) or "none"
    return f"agent {agent.name!r} planned {named}, but has no such tool; its tools: {its}"


def _after_invalid(
    claimed: Claimed, planned: Planned, course: Course, agent: AgentTraits
) -> Decision:
    """Show the plan to whoever plans next, a stronger model if there is one, so many times."""
    count = course.invalid_plans + 1
    if count > agent.limits.max_invalid_plans:
        return Fail(outcome=planned, code=INVALID, message="; ".join(planned.problems))
    course = replace(course, invalid_plans=count, rung=_rung_above(course, agent))
    return _next_round(claimed, planned, course, agent)


def _after_verdict(claimed: Claimed, judged: Judged, agent: AgentTraits) -> Decision:
    course = used(claimed, judged)
    match judged.verdict:
        case Verdict.ACCEPT:
            output = judged.output or b"null"
            return Finish(outcome=judged, output=output, course=_changed(claimed, course))
        case _ if claimed.course.finalising:
            return _ended(claimed, judged)
        case Verdict.FAIL:
            # Nothing failed that it gives up for: then what came is not good.
            why = judged.cause or Cause(code=NOT_GOOD, message="")
            told = judged.reason or why.message
            return Fail(outcome=judged, code=why.code, message=told, cause=judged.cause)
        case _ if calls := _to_run(claimed, judged, agent):
            return _hand_out(claimed, judged, calls, course, agent)
        case _:
            return _another_round(claimed, judged, course, agent)


def _to_run(claimed: Claimed, judged: Judged, agent: AgentTraits) -> tuple[ToolCall, ...]:
    if judged.verdict is Verdict.ASK and not judged.calls:
        question = canonical({"question": judged.question})
        return (ToolCall(tool=ASK_PERSON, arguments=question),)
    return repeatable(claimed, judged.calls, agent)


def _another_round(
    claimed: Claimed, judged: Judged, course: Course, agent: AgentTraits
) -> Decision:
    if judged.verdict is Verdict.REPLAN:
        if course.replans >= agent.limits.max_replans:
            return _finalise(claimed, judged, course, "max_replans", agent)
        course = replace(course, replans=course.replans + 1)
    if judged.verdict is Verdict.ESCALATE:
        course = replace(course, rung=_rung_above(course, agent))
    return _next_round(claimed, judged, course, agent)


def _hand_out(
    claimed: Claimed,
    outcome: Planned | Judged,
    calls: Sequence[ToolCall],
    course: Course,
    agent: AgentTraits,
) -> Decision:
    """Let these calls run side by side; what is too many at once comes with the next wave."""
    calls = calls[: agent.limits.max_parallel]
    reached = before_calls(claimed, course, calls, _left(claimed, outcome), agent)
    if reached:
        return _finalise(claimed, outcome, course, reached, agent)
    course = called(course, calls, agent)
    steps = _uses(calls, claimed.round, agent)
    return Continue(outcome=outcome, steps=steps, course=_changed(claimed, course))


def _next_round(
    claimed: Claimed, outcome: Planned | Judged, course: Course, agent: AgentTraits
) -> Decision:
    reached = before_round(claimed, course, _left(claimed, outcome), agent)
    if reached:
        return _finalise(claimed, outcome, course, reached, agent)
    steps = (_plan(claimed.round + 1, agent),)
    return Continue(outcome=outcome, steps=steps, course=_changed(claimed, course))


def _finalise(
    claimed: Claimed, outcome: Planned | Judged, course: Course, reached: str, agent: AgentTraits
) -> Continue:
    """Give the turn in reserve: the next plan says what was done, and the job ends with it."""
    steps = (_plan(claimed.round + 1, agent),)
    return Continue(outcome=outcome, steps=steps, course=replace(course, finalising=reached))


def _ended(claimed: Claimed, outcome: Planned | Judged | GaveUp) -> Finish | Fail:
    """End a job that has had its last turn: with what that said, or for the limit's reason."""
    if isinstance(outcome, Planned) and outcome.answer is not None:
        return Finish(outcome=outcome, output=outcome.answer, course=used(claimed, outcome))
    limit = claimed.course.finalising
    why = f": {outcome.message}" if isinstance(outcome, GaveUp) else ""
    message = f"the job reached its limit {limit!r} without an answer{why}"
    return Fail(outcome=outcome, code=CODES.get(limit, limit), message=message)


def _rung_above(course: Course, agent: AgentTraits) -> int:
    return max(course.rung, min(course.rung + 1, agent.rungs - 1))


def _changed(claimed: Claimed, course: Course) -> Course | None:
    return None if course is claimed.course else course


def _left(claimed: Claimed, outcome: Planned | Judged) -> int | None:
    if claimed.left_micro is None:
        return None
    return claimed.left_micro + claimed.hold_micro - outcome.usage.cost_micro


def _plan(round_: int, agent: AgentTraits) -> NextStep:
    return NextStep(
        kind=StepKind.PLAN,
        lane=Lane.PLAN,
        round=round_,
        timeout_ms=agent.plan_timeout_ms,
        hold_micro=agent.plan_hold_micro,
    )


def _uses(calls: Sequence[ToolCall], round_: int, agent: AgentTraits) -> tuple[NextStep, ...]:
    return tuple(step_of(call, round_, agent) for call in calls)


def step_of(call: ToolCall, round_: int, agent: AgentTraits) -> NextStep:
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
