"""The recovery handler: makes a decision of what the recovery policy says of a failure."""

import json
from dataclasses import replace
from datetime import timedelta

from agent_workers.domain.agents.engine_tools import (
    ASK_PERSON,
    GO_ON,
    HAND_OFF,
    LET_FAIL,
    TRY_AGAIN,
)
from agent_workers.domain.breaker import BREAKER_KINDS
from agent_workers.domain.cause import Cause, sentence
from agent_workers.domain.claim import Claimed
from agent_workers.domain.decision import Continue, Decision, Fail, Join, Park, TryAgain
from agent_workers.domain.recovery import (
    AskPerson,
    CachedAnswer,
    Failure,
    Means,
    OtherAgent,
    OtherTool,
    ParkOn,
    Remedy,
    RetryAt,
    recover,
    user_message,
)
from agent_workers.domain.step import (
    Broke,
    GaveUp,
    Judged,
    NextStep,
    Outcome,
    Planned,
    StepKind,
    ToolCall,
    ToolFailed,
    ToolRan,
)
from agent_workers.domain.text.encoding import canonical
from agent_workers.domain.tools.remembered import Remembered
from agent_workers.domain.wait import Wait, WaitKind
from agent_workers.orchestration.failing import failed_for_good, is_wait
from agent_workers.orchestration.steps.decide import NOT_GOOD, evaluation, step_of
from agent_workers.orchestration.steps.fallbacks import NOTHING_LEFT, Ways
from agent_workers.orchestration.traits import AgentTraits

_WHO = {
    StepKind.PLAN: "planner",
    StepKind.TOOL: "tools",
    StepKind.EVALUATE: "evaluator",
}
# Parked steps are woken; they come by themselves only where nobody is left to wake them.
_LONGEST_PARK = timedelta(minutes=15)


def after_break(
    claimed: Claimed,
    broke: Broke,
    agent: AgentTraits,
    *,
    jitter: float,
    ways: Ways = NOTHING_LEFT,
) -> Decision:
    """Say what follows a failed attempt: another, something else, or the end of trying."""
    is_tool = claimed.kind is StepKind.TOOL
    tries, most = claimed.tries, _max_tries(claimed, agent)
    means = replace(_means(ways), tries=tries, max_tries=most, jitter=jitter, is_shown=is_tool)
    match recover(_failure(broke), means):
        case ParkOn(name=name, wait=wait):
            return parked(name, jitter=jitter, wait=wait, after=broke)
        case RetryAt(delay=delay):
            return TryAgain(
                delay=delay,
                code=broke.code,
                message=broke.message,
                cost_micro=broke.usage.cost_micro,
                trouble=broke.trouble,
                waits=is_wait(broke),
            )
        case other:
            if is_tool:
                return _after_failed(claimed, failed_for_good(broke), agent, other, ways)
            gave_up = GaveUp(
                code=broke.code, message=broke.message, usage=broke.usage, trouble=broke.trouble
            )
            cause = _cause_of(claimed, gave_up)
            return Fail(outcome=gave_up, code=broke.code, message=cause.message, cause=cause)


def after_failed(claimed: Claimed, failed: ToolFailed, agent: AgentTraits, ways: Ways) -> Decision:
    """Say what follows a tool that failed for good."""
    remedy = recover(Failure(code=failed.code), replace(_means(ways), is_shown=True))
    return _after_failed(claimed, failed, agent, remedy, ways)


def after_end(claimed: Claimed, fail: Fail, agent: AgentTraits) -> Decision:
    """Let the agent's fallback take over from a job that would fail, once."""
    means = Means(other_agent=_other_agent(claimed, agent))
    # Who judges has had the failure before it, and has given up: only another agent is left.
    code = NOT_GOOD if isinstance(fail.outcome, Judged) else fail.code
    match recover(Failure(code=code), means):
        case OtherAgent(agent=other):
            return _handed_off(claimed, fail, agent, other)
        case _:
            return fail


def _cause_of(claimed: Claimed, gave_up: GaveUp) -> Cause:
    who = f"The {_WHO[claimed.kind]} of agent {claimed.agent!r}"
    where = gave_up.trouble.where if gave_up.trouble else ""
    return Cause(
        code=gave_up.code,
        message=sentence(who, gave_up.code, gave_up.message, where),
        position=claimed.position,
        where=where,
    )


def parked(
    name: str, *, jitter: float, wait: timedelta | None = None, after: Broke | None = None
) -> Park:
    """Wait for a breaker, until somebody says that it has closed; or for a time that is known."""
    woken = name.startswith(BREAKER_KINDS)
    longest = _LONGEST_PARK if woken or wait is None else wait
    timeout = longest * (1 + jitter / 2)
    return Park(
        wait=Wait(kind=WaitKind.BREAKER, key=name, timeout=timeout),
        cost_micro=after.usage.cost_micro if after else 0,
        after=after,
    )


def _after_failed(
    claimed: Claimed, failed: ToolFailed, agent: AgentTraits, remedy: Remedy, ways: Ways
) -> Decision:
    match remedy:
        case OtherTool(tool=tool):
            degraded = f"tool {tool} instead of {claimed.tool}: {failed.code}"
            outcome = replace(failed, fallback=tool, degraded=degraded)
            return Continue(outcome=outcome, steps=(_instead(claimed, tool, agent),))
        case CachedAnswer() if ways.remembered is not None:
            ran = _given_again(failed, ways.remembered)
            return Join(outcome=ran, step=evaluation(claimed.round, agent))
        case AskPerson():
            return Continue(outcome=failed, steps=(_question(claimed, failed, agent, ways),))
        case _:
            # Its siblings go on; whoever judges the round has the failure before it.
            return Join(outcome=failed, step=evaluation(claimed.round, agent))


def _means(ways: Ways) -> Means:
    return Means(
        other_tool=ways.other_tool,
        is_remembered=ways.remembered is not None,
        asks_person=bool(ways.asks_about),
    )


def _given_again(failed: ToolFailed, answer: Remembered) -> ToolRan:
    since = answer.at.strftime("%Y-%m-%dT%H:%M:%SZ")
    degraded = f"cached answer of {answer.tool} from {since}: {failed.code}"
    return ToolRan(result=answer.result, usage=failed.usage, degraded=degraded)


def _handed_off(claimed: Claimed, fail: Fail, agent: AgentTraits, other: str) -> Continue:
    course = replace(fail.course or claimed.course, fell_back_to=other)
    outcome = _degraded(fail.outcome, f"agent {other} instead of {agent.name}: {fail.code}")
    step = _hand_off(claimed, other, fail.code, agent)
    return Continue(outcome=outcome, steps=(step,), course=course)


def _instead(claimed: Claimed, tool: str, agent: AgentTraits) -> NextStep:
    """A step of the same round in its place: whoever joins the round counts it as well."""
    call = ToolCall(tool=tool, arguments=claimed.arguments, call_id=claimed.call_id)
    return step_of(call, claimed.round, agent)


def _question(claimed: Claimed, failed: ToolFailed, agent: AgentTraits, ways: Ways) -> NextStep:
    """A step of the same round: whoever joins it has the failure and the answer before it."""
    again = (TRY_AGAIN,) if ways.may_run_again else ()
    asks = {
        "question": f"The tool {ways.asks_about!r} has failed for good. {user_message(failed.code)}",
        "choices": [*again, GO_ON, LET_FAIL],
        "about": {"id": claimed.call_id, "tool": ways.asks_about},
    }
    return step_of(ToolCall(tool=ASK_PERSON, arguments=canonical(asks)), claimed.round, agent)


def _hand_off(claimed: Claimed, other: str, code: str, agent: AgentTraits) -> NextStep:
    given = json.loads(claimed.input)
    arguments = canonical({"agent": other, "input": given, "reason": code})
    return step_of(ToolCall(tool=HAND_OFF, arguments=arguments), claimed.round, agent)


def _degraded(outcome: Outcome, words: str) -> Outcome:
    if isinstance(outcome, Planned):
        # What it planned is not done any more.
        return replace(outcome, calls=(), degraded=words)
    return replace(outcome, degraded=words)


def _other_agent(claimed: Claimed, agent: AgentTraits) -> str:
    again = bool(claimed.course.fell_back_to)
    deep = claimed.depth >= agent.limits.max_depth
    return "" if again or deep else agent.fallback


def _failure(broke: Broke) -> Failure:
    after = broke.retry_after_s
    return Failure(
        code=broke.code,
        retryable=broke.retryable,
        retry_after=None if after is None else timedelta(seconds=after),
        parks_on=broke.parks_on,
    )


def _max_tries(claimed: Claimed, agent: AgentTraits) -> int:
    if claimed.kind is StepKind.TOOL and claimed.tool in agent.tools:
        return agent.tools[claimed.tool].max_tries
    return agent.max_tries
