"""What follows an outcome, a failed attempt, and how long it waits."""

from datetime import timedelta

import pytest

from agent_workers.domain.budget import Usage
from agent_workers.domain.course import Course
from agent_workers.domain.decision import Continue, Decision, Fail, Finish, Join, TryAgain
from agent_workers.domain.effect import EffectClass
from agent_workers.domain.recovery import delay_after
from agent_workers.domain.step import (
    Broke,
    GaveUp,
    Judged,
    Lane,
    NextStep,
    Planned,
    StepKind,
    Summarised,
    ToolCall,
    ToolFailed,
    ToolRan,
    Verdict,
)
from agent_workers.execution.users_code.breaking import broke_of
from agent_workers.orchestration.steps.decide import decide
from agent_workers.orchestration.steps.recover import after_break
from tests.unit.orchestration.agents import AGENT, claimed

EVALUATE = NextStep(
    kind=StepKind.EVALUATE, lane=Lane.EVALUATE, timeout_ms=22, round=0, hold_micro=6
)
READ = ToolCall(tool="read", arguments=b'{"a":1}', call_id="c1")
PAY = ToolCall(tool="pay", arguments=b"{}")
BROKE = Broke(code="timeout", message="late", retryable=True)
HOPELESS = Broke(code="bad", message="no", retryable=False, usage=Usage(cost_micro=3))


def broke(kind: StepKind, tries: int = 0, what: Broke = BROKE, *, tool: str = "") -> Decision:
    return after_break(claimed(kind, tool=tool, tries=tries), what, AGENT, jitter=0.0)


def test_a_tool_that_runs_out_of_memory_is_tried_as_often_as_it_may_and_says_why() -> None:
    swollen = broke_of(MemoryError("no room for 256 MiB"))
    assert isinstance(broke(StepKind.TOOL, 0, swollen, tool="read"), TryAgain)
    decision = broke(StepKind.TOOL, 1, swollen, tool="read")
    assert isinstance(decision, Join)
    assert isinstance(decision.outcome, ToolFailed)
    assert decision.outcome.message == "MemoryError: no room for 256 MiB"


def test_the_tools_of_a_plan_run_side_by_side_in_their_lanes() -> None:
    planned = Planned(calls=(READ, PAY))
    decision = decide(claimed(round_=1), planned, AGENT)
    assert isinstance(decision, Continue)
    assert [(s.tool, s.lane, s.effect, s.round, s.arguments) for s in decision.steps] == [
        ("read", Lane.TOOL, EffectClass.PURE, 1, b'{"a":1}'),
        ("pay", Lane.EFFECT, EffectClass.UNSAFE, 1, b"{}"),
    ]
    assert decision.steps[0].call_id == "c1"


def test_a_plan_without_tools_goes_straight_to_be_judged() -> None:
    planned = Planned(calls=(), answer=b'"hi"')
    assert decide(claimed(), planned, AGENT) == Continue(outcome=planned, steps=(EVALUATE,))


def test_what_was_summed_up_is_followed_by_the_plan_of_the_same_round_and_counted() -> None:
    usage = Usage(calls=1, input=70, output=7)
    summarised = Summarised(text="ships", first=1, last=7, version="v", usage=usage)
    decision = decide(claimed(), summarised, AGENT)
    assert isinstance(decision, Continue)
    ((kind, round_),) = [(step.kind, step.round) for step in decision.steps]
    assert (kind, round_) == (StepKind.PLAN, claimed().round)
    assert decision.course == Course(model_calls=1, tokens=77)


def test_a_plan_with_a_tool_that_nobody_knows_or_with_too_many_fails() -> None:
    unknown = decide(claimed(), Planned(calls=(READ, ToolCall(tool="x", arguments=b""))), AGENT)
    crowd = decide(claimed(), Planned(calls=(READ,) * 5), AGENT)
    assert isinstance(unknown, Fail)
    assert unknown.code == "unknown_tool"
    assert unknown.message == "agent 'demo' planned 'x', but has no such tool; its tools: pay, read"
    assert isinstance(crowd, Fail)
    assert crowd.code == "too_many_tools"


@pytest.mark.parametrize("outcome", [ToolRan(result=b"1"), ToolFailed(code="x", message="")])
def test_a_tool_that_ended_either_way_joins_its_siblings(outcome: ToolRan | ToolFailed) -> None:
    assert decide(claimed(StepKind.TOOL), outcome, AGENT) == Join(outcome=outcome, step=EVALUATE)


def test_a_verdict_ends_the_job_or_begins_the_next_round() -> None:
    accepted = Judged(verdict=Verdict.ACCEPT, output=b"1")
    empty = Judged(verdict=Verdict.ACCEPT)
    failed = Judged(verdict=Verdict.FAIL, reason="wrong")
    more = Judged(verdict=Verdict.CONTINUE)
    step = claimed(StepKind.EVALUATE, round_=1)
    assert decide(step, accepted, AGENT) == Finish(outcome=accepted, output=b"1")
    assert decide(step, empty, AGENT) == Finish(outcome=empty, output=b"null")
    assert decide(step, failed, AGENT) == Fail(
        outcome=failed, code="evaluation_failed", message="wrong"
    )
    plan = NextStep(kind=StepKind.PLAN, lane=Lane.PLAN, timeout_ms=11, round=2, hold_micro=5)
    assert decide(step, more, AGENT) == Continue(outcome=more, steps=(plan,))


def test_after_the_last_round_comes_one_more_turn_that_must_end_the_job() -> None:
    more = Judged(verdict=Verdict.CONTINUE)
    decision = decide(claimed(StepKind.EVALUATE, round_=2), more, AGENT)
    assert isinstance(decision, Continue)
    assert [step.kind for step in decision.steps] == [StepKind.PLAN]
    assert decision.course == Course(finalising="max_rounds")


def test_who_gives_up_fails_the_job() -> None:
    gave_up = GaveUp(code="lost", message="no idea")
    assert decide(claimed(), gave_up, AGENT) == Fail(
        outcome=gave_up, code="lost", message="no idea"
    )


def test_a_failed_attempt_is_made_again_until_its_tries_are_used_up() -> None:
    again = TryAgain(delay=timedelta(milliseconds=250), code="timeout", message="late")
    assert broke(StepKind.PLAN) == again
    assert isinstance(broke(StepKind.PLAN, 2), TryAgain)
    assert isinstance(broke(StepKind.PLAN, 3), Fail)
    assert isinstance(broke(StepKind.TOOL, 0, tool="read"), TryAgain)
    assert isinstance(broke(StepKind.TOOL, 1, tool="read"), Join)
    assert isinstance(broke(StepKind.TOOL, 2, tool="unknown"), TryAgain)


def test_what_is_hopeless_is_not_tried_again_and_its_cost_is_kept() -> None:
    plan = broke(StepKind.PLAN, 0, HOPELESS)
    assert plan == Fail(
        outcome=GaveUp(code="bad", message="no", usage=HOPELESS.usage),
        code="bad",
        message="The planner of agent 'demo' failed: no",
    )
    tool = broke(StepKind.TOOL, 0, HOPELESS, tool="read")
    failed = ToolFailed(code="bad", message="no", usage=HOPELESS.usage)
    assert tool == Join(outcome=failed, step=EVALUATE)


def test_a_provider_may_say_how_long_to_wait() -> None:
    slow = Broke(
        code="busy", message="", retryable=True, retry_after_s=7, usage=Usage(cost_micro=2)
    )
    assert broke(StepKind.PLAN, 0, slow) == TryAgain(
        delay=timedelta(seconds=7), code="busy", message="", cost_micro=2
    )


def test_waits_double_up_to_a_bound_and_spread_over_their_upper_half() -> None:
    whole = [delay_after(tries, jitter=1.0).total_seconds() for tries in range(1, 13)]
    assert whole == [0.5, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]
    assert delay_after(3, jitter=0.0) == delay_after(3, jitter=1.0) / 2
    assert delay_after(100_000, jitter=0.5) == timedelta(seconds=225)
