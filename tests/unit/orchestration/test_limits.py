"""Limits: told before the work is handed out, with one turn in reserve."""

from dataclasses import replace

import pytest

from agent_workers.domain.budget import Usage
from agent_workers.domain.claim import Claimed
from agent_workers.domain.course import Course, repeat_key
from agent_workers.domain.decision import Continue, Decision, Fail, Finish
from agent_workers.domain.job import Limits
from agent_workers.domain.step import GaveUp, Judged, Planned, StepKind, ToolCall, Verdict
from agent_workers.orchestration.steps.decide import decide
from tests.unit.orchestration.agents import AGENT, claimed

READ = ToolCall(tool="read", arguments=b"{}", call_id="c1")
PAY = ToolCall(tool="pay", arguments=b"{}", call_id="c2")
FREE = replace(AGENT, plan_hold_micro=0, evaluate_hold_micro=0)


def agent(**limits: object) -> object:
    return replace(FREE, limits=Limits(**limits))  # type: ignore[arg-type]  # each by its name


def after_plan(
    given: object, *calls: ToolCall, at: Claimed | None = None, **course: object
) -> Decision:
    step = replace(at or claimed(), course=Course(**course))  # type: ignore[arg-type]  # as above
    return decide(step, Planned(calls=calls), given)  # type: ignore[arg-type]  # as above


def after_round(given: object, at: Claimed | None = None, **course: object) -> Decision:
    step = replace(at or claimed(StepKind.EVALUATE), course=Course(**course))  # type: ignore[arg-type]  # as above
    return decide(step, Judged(verdict=Verdict.CONTINUE), given)  # type: ignore[arg-type]  # as above


def limit_of(decision: Decision) -> str:
    """The limit that a decision gives the last turn for; nothing when it goes on as wished."""
    assert isinstance(decision, Continue)
    if decision.course is None or not decision.course.finalising:
        return ""
    assert [step.kind for step in decision.steps] == [StepKind.PLAN]
    return decision.course.finalising


def test_tool_calls_are_counted_before_a_batch_is_handed_out() -> None:
    given = agent(max_tool_calls=3)
    fits = after_plan(given, READ, PAY, tool_calls=1)
    assert limit_of(fits) == ""
    assert isinstance(fits, Continue)
    assert fits.course == Course(tool_calls=3, by_tool={"read": 1, "pay": 1})
    assert limit_of(after_plan(given, READ, PAY, tool_calls=2)) == "max_tool_calls"


def test_calls_of_one_tool_have_a_limit_of_their_own() -> None:
    given = agent(max_calls_of={"pay": 1})
    assert limit_of(after_plan(given, READ, PAY)) == ""
    assert limit_of(after_plan(given, PAY, by_tool={"pay": 1})) == "max_calls_of"
    assert limit_of(after_plan(given, READ, by_tool={"pay": 1})) == ""


@pytest.mark.parametrize(("next_position", "limit"), [(6, ""), (7, "max_steps")])
def test_steps_leave_room_for_the_last_turn(next_position, limit) -> None:
    at = replace(claimed(), max_steps=10, next_position=next_position)
    assert limit_of(after_plan(agent(), READ, PAY, at=at)) == limit
    at = replace(claimed(StepKind.EVALUATE), max_steps=10, next_position=next_position + 1)
    assert limit_of(after_round(agent(), at)) == limit


def test_the_agents_bound_on_steps_counts_as_the_jobs_does() -> None:
    at = replace(claimed(StepKind.EVALUATE), next_position=8)
    assert limit_of(after_round(agent(max_steps=10), at)) == "max_steps"


def test_a_round_begins_only_if_its_model_call_and_the_last_one_are_left() -> None:
    given = agent(max_model_calls=5)
    assert limit_of(after_round(given, model_calls=3)) == ""
    assert limit_of(after_round(given, model_calls=4)) == "max_model_calls"


def test_tokens_leave_room_for_two_turns_like_those_before() -> None:
    given = agent(max_tokens=1_000)
    assert limit_of(after_round(given, model_calls=2, tokens=500)) == ""
    assert limit_of(after_round(given, model_calls=2, tokens=502)) == "max_tokens"


def test_a_deadline_leaves_two_turns_but_never_more_than_a_tenth_of_the_time() -> None:
    def at(left_ms: int) -> Claimed:
        return replace(claimed(StepKind.EVALUATE), deadline_ms=left_ms)

    assert limit_of(after_round(agent(), at(21), span_ms=10_000)) == "deadline"  # 2 x 11 ms
    assert limit_of(after_round(agent(), at(22), span_ms=10_000)) == ""
    assert limit_of(after_round(agent(), at(5), span_ms=50)) == ""
    assert limit_of(after_round(agent(), at(4), span_ms=50)) == "deadline"


def test_money_leaves_the_last_turn() -> None:
    given = replace(AGENT, limits=Limits())  # plans hold 5, evaluations 6

    def at(left: int) -> Claimed:
        return replace(claimed(StepKind.EVALUATE), left_micro=left)

    assert limit_of(after_round(given, at(16))) == ""
    assert limit_of(after_round(given, at(15))) == "budget"
    # Not even the last turn can be paid: the job waits for money, as it always did.
    assert limit_of(after_round(given, at(4))) == ""


def test_what_a_step_cost_is_no_longer_left() -> None:
    given = replace(AGENT, limits=Limits())
    step = replace(claimed(StepKind.EVALUATE), left_micro=14, hold_micro=6)
    cheap = Judged(verdict=Verdict.CONTINUE, usage=Usage(cost_micro=4))
    dear = Judged(verdict=Verdict.CONTINUE, usage=Usage(cost_micro=5))
    assert limit_of(decide(step, cheap, given)) == ""
    assert limit_of(decide(step, dear, given)) == "budget"


def test_only_so_many_plans_are_made_anew() -> None:
    again = Judged(verdict=Verdict.REPLAN)
    step = replace(claimed(StepKind.EVALUATE), course=Course(replans=1))
    first = decide(step, again, agent(max_replans=2))  # type: ignore[arg-type]  # as above
    assert isinstance(first, Continue)
    assert first.course == Course(replans=2)
    last = decide(step, again, agent(max_replans=1))  # type: ignore[arg-type]  # as above
    assert limit_of(last) == "max_replans"


def test_an_answer_at_a_limit_ends_the_job_and_anything_else_fails_it_with_the_limits_code() -> (
    None
):
    step = replace(claimed(), course=Course(finalising="max_tool_calls"))
    answered = decide(step, Planned(calls=(), answer=b'"so far"'), AGENT)
    assert isinstance(answered, Finish)
    assert answered.output == b'"so far"'
    judge = replace(step, kind=StepKind.EVALUATE)
    for outcome, at in (
        (Planned(calls=(READ,)), step),
        (Planned(calls=(), problems=("empty",)), step),
        (GaveUp(code="gave_up", message="no"), step),
        (Judged(verdict=Verdict.CONTINUE), judge),
        (Judged(verdict=Verdict.FAIL), judge),
    ):
        failed = decide(at, outcome, AGENT)
        assert isinstance(failed, Fail)
        assert failed.code == "too_many_tool_calls"


def test_what_models_used_is_counted_when_it_is_recorded() -> None:
    usage = Usage(input=100, output=20, calls=2)
    planned = decide(claimed(), Planned(calls=(), answer=b"1", usage=usage), AGENT)
    assert isinstance(planned, Continue)
    assert planned.course == Course(model_calls=2, tokens=120)


def test_a_function_without_limits_leaves_the_course_alone() -> None:
    assert isinstance(decision := after_plan(FREE, READ), Continue)
    assert decision.course is None


def test_a_models_plan_that_turns_in_circles_is_judged_and_not_run() -> None:
    given = replace(FREE, by_model=True, limits=Limits(max_repeats=2))
    key = repeat_key("read", b"{}")
    fine = after_plan(given, READ, repeats={key: 1})
    assert isinstance(fine, Continue)
    assert [step.tool for step in fine.steps] == ["read"]
    circle = after_plan(given, READ, PAY, repeats={key: 2})
    assert isinstance(circle, Continue)
    assert [step.kind for step in circle.steps] == [StepKind.EVALUATE]
    assert circle.course is not None
    assert circle.course.repeats[key] == 3


def test_only_the_newest_repeats_are_remembered() -> None:
    given = replace(FREE, by_model=True)
    old = {f"old{n}": 1 for n in range(64)}
    decision = after_plan(given, READ, repeats=old)
    assert isinstance(decision, Continue)
    assert decision.course is not None
    assert len(decision.course.repeats) == 64
    assert "old0" not in decision.course.repeats


def test_a_plan_of_more_calls_than_are_remembered_is_handed_out() -> None:
    given = replace(FREE, by_model=True, limits=Limits(max_parallel=200, max_repeats=1))
    calls = [replace(READ, arguments=b'{"n":%d}' % n, call_id=f"c{n}") for n in range(200)]
    at = replace(claimed(), max_steps=1_000)
    decision = after_plan(given, *calls, at=at)
    assert isinstance(decision, Continue)
    assert len(decision.steps) == 200
    assert decision.course is not None
    again = after_plan(given, *calls, at=at, repeats=decision.course.repeats)
    assert isinstance(again, Continue)
    assert [step.kind for step in again.steps] == [StepKind.EVALUATE]


@pytest.mark.parametrize(("next_position", "limit"), [(4, ""), (5, "max_steps")])
def test_the_fallbacks_that_calls_may_need_are_counted_as_steps(next_position, limit) -> None:
    tools = {
        "read": replace(FREE.tools["read"], fallback="skim"),
        "skim": replace(FREE.tools["read"], name="skim", fallback="guess"),
        "guess": replace(FREE.tools["read"], name="guess"),
        "pay": FREE.tools["pay"],
    }
    at = replace(claimed(), max_steps=10, next_position=next_position)
    assert limit_of(after_plan(replace(FREE, tools=tools), READ, PAY, at=at)) == limit
