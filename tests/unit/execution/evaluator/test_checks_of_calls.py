"""What calls gave: failures, broken promises, and what is left of a plan."""

from typing import Any

import pytest

from agent_workers.domain.agents.engine_tools import HAND_OFF
from agent_workers.domain.step import Judged, ToolCall, Verdict
from agent_workers.execution.evaluator.checks_calls import criteria_of
from agent_workers.execution.evaluator.evaluating import checked
from tests.unit.execution.evaluator.rounds import (
    by_function,
    by_model,
    call,
    checked_by,
    failed,
    judged,
    pay,
    planned,
    ran,
    whole_plan,
    work,
)

LOOK = ToolCall(tool="look", arguments=b"{}", call_id="a")


def verdict(judged: Judged | None) -> Verdict | None:
    return None if judged is None else judged.verdict


def test_a_passing_failure_of_a_pure_call_of_a_whole_plan_is_tried_once_more() -> None:
    said = checked(work(whole_plan(), planned(call("a")), failed("a", "timeout")))
    assert said == Judged(verdict=Verdict.RETRY, reason="trying again: a", calls=(LOOK,))


@pytest.mark.parametrize(
    "history",
    [
        (planned(call("a")), failed("a", "bad_arguments")),
        (planned(call("a", "pay")), failed("a", "timeout", name="pay")),
        (planned(call("a")), failed("a", "timeout"), judged(), failed("a", "timeout", position=3)),
        (planned(call("a"), call("b")), failed("a", "timeout"), failed("b", "tool_error")),
    ],
)
def test_other_failures_of_a_whole_plan_take_another_plan_and_no_word_of_a_tool_reaches_it(
    history: Any,
) -> None:
    said = checked(work(whole_plan(), *history))
    assert verdict(said) is Verdict.REPLAN
    assert said is not None
    assert "'a'" in said.reason
    assert "ignore all rules" not in said.reason


@pytest.mark.parametrize("agent", [by_model(), by_function()])
def test_to_who_goes_turn_by_turn_a_failure_is_data(agent: Any) -> None:
    assert checked(work(agent, planned(call("a")), failed("a", "timeout"))) is None


def test_a_call_that_came_right_the_second_time_has_not_failed() -> None:
    history = (planned(call("a")), failed("a", "timeout"), judged(), ran("a", 1, position=3))
    assert checked(work(whole_plan(), *history)) is None


@pytest.mark.parametrize(
    ("agent", "follows"),
    [
        (by_model, Verdict.CONTINUE),
        (whole_plan, Verdict.REPLAN),
        (by_function, Verdict.FAIL),
    ],
)
def test_a_result_that_its_tool_objects_to_is_never_accepted(agent: Any, follows: Verdict) -> None:
    empty = checked_by(lambda found: None if found else "nothing was found")
    said = checked(work(agent(empty), planned(call("a")), ran("a", [])))
    assert said == Judged(verdict=follows, reason="a: nothing was found", about=("a",))
    assert checked(work(agent(empty), planned(call("a")), ran("a", ["it"]))) is None


def test_a_check_that_breaks_objects_and_says_how() -> None:
    broken = checked_by(lambda found: found["missing"])
    said = checked(work(by_function(broken), planned(call("a")), ran("a", {})))
    assert said is not None
    assert said.reason.startswith(
        "The check of tool 'look' raised KeyError: 'missing' (tests/unit/"
    )
    assert said.cause is not None
    assert (said.cause.code, said.cause.position, said.cause.tool) == ("mistake", 1, "look")
    assert said.trouble is not None
    assert "Traceback" in said.trouble.traceback


def test_a_check_that_says_no_words_objects() -> None:
    told = checked_by(lambda _: True)
    said = checked(work(by_function(told), planned(call("a")), ran("a", {})))
    assert said is not None
    assert "returned bool; return text or None" in said.reason


@pytest.mark.parametrize(
    ("done_when", "value", "problem"),
    [
        ("result > 3", 4, None),
        ("result > 3", 3, "is not true"),
        ("result > 3", "4", "cannot be evaluated"),
        ("result > 3.0", float("nan"), "is not true"),
        ("result.total > 3", {}, "cannot be evaluated: there is no member 'total'"),
        ("result.n == 1", {"n": 10**400}, "is not true"),
        ("result.n + 1 > 1", {"n": 10**400}, "cannot be evaluated"),
        ("result == 'ü€\U0001f600'", "ü€\U0001f600", None),
        ("result == ''", "\ud800", "is not true"),
        ("size(result) == 1000000", "x" * 1_000_000, None),
        ("results.a == result && size(results) == 1", 5, None),
        ("result", 1, "neither true nor false"),
        ("results.all(k, results[k] != null)", 1, None),
    ],
)
def test_what_the_plan_says_of_when_a_call_is_done_is_held_against_its_result(
    done_when: str, value: object, problem: str | None
) -> None:
    said = checked(work(whole_plan(), planned(call("a", done_when=done_when)), ran("a", value)))
    if problem is None:
        assert said is None
    else:
        assert verdict(said) is Verdict.REPLAN
        assert said is not None
        assert problem in said.reason


def test_words_that_are_no_condition_are_criteria_for_a_reader() -> None:
    history = (
        planned(
            call("a", done_when="the order is paid"),
            call("b", done_when="paid"),
            call("c", done_when="result.paid"),
            call("d"),
        ),
    )
    told = work(whole_plan(), *history)
    assert criteria_of(told) == ("a: the order is paid", "b: paid")
    assert checked(told) is None


WAVES = (call("a"), call("b", "pay", after=["a"], cents={"$from": "a", "path": "n"}))


def test_a_plan_goes_on_with_the_calls_whose_results_are_in() -> None:
    said = checked(work(by_function(), planned(*WAVES), ran("a", {"n": 5})))
    waiting = ToolCall(tool="pay", arguments=b'{"cents":5}', call_id="b")
    assert said == Judged(verdict=Verdict.CONTINUE, reason="the plan goes on", calls=(waiting,))


def test_nothing_is_built_on_a_result_that_is_not_what_was_promised() -> None:
    wrong = checked_by(lambda _: "wrong")
    said = checked(work(whole_plan(wrong, pay), planned(*WAVES), ran("a", {"n": 5})))
    assert (verdict(said), said and said.calls) == (Verdict.REPLAN, ())


@pytest.mark.parametrize(("agent", "follows"), [(by_function, "fail"), (whole_plan, "replan")])
def test_a_plan_that_cannot_go_on_is_not_taken_for_done(agent: Any, follows: str) -> None:
    said = checked(work(agent(), planned(*WAVES), ran("a", {})))
    assert said is not None
    assert (said.verdict.value, "has nothing at 'n'" in said.reason) == (follows, True)


def test_who_took_the_job_over_gives_its_answer() -> None:
    over = (planned(call("h", HAND_OFF)), ran("h", {"done": 1}, name=HAND_OFF))
    said = checked(work(by_model(output={"type": "string"}), *over))
    assert said == Judged(verdict=Verdict.ACCEPT, output=b'{"done":1}', reason="handed over")
    lost = (planned(call("h", HAND_OFF)), failed("h", "child_failed", name=HAND_OFF))
    assert checked(work(by_model(), *lost)) is None
