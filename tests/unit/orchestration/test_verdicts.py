"""What follows a verdict, an invalid plan, and a wave of a plan."""

from dataclasses import replace

import pytest

from agent_workers.domain.claim import Claimed, Done
from agent_workers.domain.course import Course
from agent_workers.domain.decision import Continue, Fail
from agent_workers.domain.job import Limits
from agent_workers.domain.step import Judged, Planned, StepKind, ToolCall, Verdict
from agent_workers.orchestration.carrying import TAIL, newest_rounds
from agent_workers.orchestration.steps.decide import decide
from tests.unit.orchestration.agents import AGENT, claimed

READ = ToolCall(tool="read", arguments=b"{}", call_id="r")
PAY = ToolCall(tool="pay", arguments=b"{}", call_id="p")
BY_MODEL = replace(AGENT, by_model=True, rungs=2)


def done(position: int, call_id: str, type_: str, outcome: bytes, tool: str = "pay") -> Done:
    return Done(
        position=position,
        round=0,
        kind=StepKind.TOOL,
        tool=tool,
        call_id=call_id,
        type=type_,
        outcome=outcome,
    )


def judging(*history: Done, course: Course | None = None) -> Claimed:
    step = replace(claimed(StepKind.EVALUATE), history=history)
    return step if course is None else replace(step, course=course)


def tools_of(at: Claimed, *calls: ToolCall, verdict: Verdict = Verdict.RETRY) -> list[str]:
    decision = decide(at, Judged(verdict=verdict, calls=calls), AGENT)
    assert isinstance(decision, Continue)
    return [step.tool for step in decision.steps]


def test_the_calls_of_a_verdict_run_in_the_same_round_without_another_plan() -> None:
    decision = decide(judging(), Judged(verdict=Verdict.CONTINUE, calls=(READ, PAY)), AGENT)
    assert isinstance(decision, Continue)
    assert [(step.tool, step.call_id, step.round) for step in decision.steps] == [
        ("read", "r", 0),
        ("pay", "p", 0),
    ]


def test_more_calls_than_may_run_at_once_are_handed_out_in_slices() -> None:
    calls = tuple(replace(READ, call_id=f"r{n}") for n in range(6))
    assert len(tools_of(judging(), *calls, verdict=Verdict.CONTINUE)) == 4


@pytest.mark.parametrize(
    ("past", "runs"),
    [
        (done(2, "p", "tool_ran", b"1"), False),
        (done(2, "p", "tool_failed", b'{"code":"effect_abandoned","message":""}'), False),
        (done(2, "p", "tool_failed", b'{"code":"tool_error","message":""}'), False),
        (done(2, "p", "tool_failed", b'{"code":"tool_error","left_no_mark":true}'), True),
        (done(2, "other", "tool_ran", b"1"), True),
    ],
)
def test_an_effect_that_happened_or_may_have_is_never_run_again(past, runs) -> None:
    assert ("pay" in tools_of(judging(past), READ, PAY)) is runs


def test_an_effect_is_not_run_again_when_the_past_is_not_known() -> None:
    at = replace(judging(), history=None)
    assert tools_of(at, READ, PAY) == ["read"]


def test_a_retry_with_nothing_that_may_run_takes_another_plan() -> None:
    decision = decide(
        judging(done(2, "p", "tool_ran", b"1")), Judged(verdict=Verdict.RETRY, calls=(PAY,)), AGENT
    )
    assert isinstance(decision, Continue)
    assert [(step.kind, step.round) for step in decision.steps] == [(StepKind.PLAN, 1)]


def test_an_escalation_goes_up_the_ladder_as_far_as_it_reaches() -> None:
    up = Judged(verdict=Verdict.ESCALATE)
    first = decide(judging(), up, BY_MODEL)
    assert isinstance(first, Continue)
    assert first.course == Course(rung=1)
    last = decide(judging(course=Course(rung=1)), up, BY_MODEL)
    assert isinstance(last, Continue)
    assert (last.course or Course(rung=1)).rung == 1


def test_a_question_to_a_person_becomes_a_step_that_waits() -> None:
    decision = decide(judging(), Judged(verdict=Verdict.ASK, question="pay?"), AGENT)
    assert isinstance(decision, Continue)
    assert [(s.tool, s.arguments) for s in decision.steps] == [
        ("ask_person", b'{"question":"pay?"}')
    ]


def test_an_invalid_plan_is_shown_to_the_next_model_of_the_ladder_so_many_times() -> None:
    invalid = Planned(calls=(), problems=("no tool 'x'",))
    agent = replace(BY_MODEL, limits=Limits(max_invalid_plans=1))
    first = decide(claimed(), invalid, agent)
    assert isinstance(first, Continue)
    assert [(step.kind, step.round) for step in first.steps] == [(StepKind.PLAN, 1)]
    assert first.course == Course(invalid_plans=1, rung=1)
    second = decide(replace(claimed(), course=first.course), invalid, agent)
    assert isinstance(second, Fail)
    assert (second.code, second.message) == ("invalid_plan", "no tool 'x'")


def test_only_calls_that_wait_for_nothing_begin_a_plan() -> None:
    later = replace(PAY, after=("r",))
    decision = decide(claimed(), Planned(calls=(later, READ)), AGENT)
    assert isinstance(decision, Continue)
    assert [step.tool for step in decision.steps] == ["read"]
    stuck = decide(claimed(), Planned(calls=(replace(READ, after=("p",)), later)), AGENT)
    assert isinstance(stuck, Fail)
    assert stuck.code == "invalid_plan"


def test_what_is_carried_in_memory_ends_with_whole_rounds() -> None:
    plan = Done(position=0, round=0, kind=StepKind.PLAN, tool="", type="planned", outcome=b"{}")
    long_round = (plan, *(done(n, f"c{n}", "tool_ran", b"1") for n in range(1, 2 * TAIL)))
    assert newest_rounds(long_round) == long_round
    rounds = tuple(replace(plan, position=n) for n in range(2 * TAIL))
    assert len(newest_rounds(rounds)) == TAIL
