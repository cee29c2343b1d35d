"""What functions and checks wish for, in the engine's words, as far as it repeats no effect."""

from typing import Any

import pytest

from agent_workers import Answer, Ask, Continue, Escalate, GiveUp, Replan, Retry, Situation
from agent_workers.domain.agents.engine_tools import ASK_PERSON
from agent_workers.domain.errors import BadReturn
from agent_workers.domain.step import Judge, Judged, ToolCall, Verdict
from tests.unit.execution.evaluator.judges import DRAFT, ROUND, SaidJudge, deciding, told
from tests.unit.execution.evaluator.rounds import (
    by_function,
    by_model,
    call,
    failed,
    judged,
    planned,
    ran,
)

LOOK = ToolCall(tool="look", arguments=b"{}", call_id="a")


@pytest.mark.parametrize(
    ("wish", "verdict"),
    [
        (Answer({"x": "ü"}), Judged(verdict=Verdict.ACCEPT, output=b'{"x":"\\u00fc"}')),
        (Continue("more"), Judged(verdict=Verdict.CONTINUE, reason="more")),
        (Replan("wrong"), Judged(verdict=Verdict.REPLAN, reason="wrong")),
        (Escalate("hard"), Judged(verdict=Verdict.ESCALATE, reason="hard")),
        (Ask("sure?"), Judged(verdict=Verdict.ASK, question="sure?")),
        (GiveUp("lost"), Judged(verdict=Verdict.FAIL, reason="lost")),
        (Retry(["a"], "odd"), Judged(verdict=Verdict.RETRY, reason="odd", calls=(LOOK,))),
    ],
)
def test_a_function_s_verdict_is_the_engine_s(wish: object, verdict: Judged) -> None:
    said = told(deciding(wish), *ROUND)
    assert (said.by, said.verdict, said.reason, said.question, said.calls, said.output) == (
        Judge.FUNCTION,
        verdict.verdict,
        verdict.reason,
        verdict.question,
        verdict.calls,
        verdict.output,
    )


@pytest.mark.parametrize("nothing", [None, "accept", True])
def test_a_function_that_gives_no_verdict_is_named(nothing: object) -> None:
    may = "return Answer, Continue, Retry, Replan, Escalate, Ask or GiveUp"
    gave = (
        rf"Evaluator of 'a' \(tests/unit/execution/evaluator/judges.py:\d+\) returned \w+,"
        rf" which is not a verdict; {may}\."
    )
    with pytest.raises(BadReturn, match=gave):
        told(deciding(nothing), *ROUND)


@pytest.mark.parametrize(
    ("history", "ids", "problem"),
    [
        (ROUND, ["p"], "'pay' may have taken effect"),
        (ROUND, ["a", "p"], "'pay' may have taken effect"),
        (ROUND, [], "no call has failed"),
        (ROUND, ["z"], "no call 'z' of this round"),
        (
            (planned(call("p", "pay")), failed("p", "timeout", name="pay")),
            [],
            "may have taken effect",
        ),
        (
            (planned(call("p", "pay")), failed("p", "effect_abandoned", name="pay")),
            [],
            "taken effect",
        ),
        (
            (
                planned(call("a")),
                *(failed("a", "timeout", position=number) for number in (1, 3, 5, 7)),
            ),
            [],
            "has run 4 times already",
        ),
    ],
)
def test_what_cannot_safely_run_again_takes_another_plan(
    history: Any, ids: list[str], problem: str
) -> None:
    said = told(deciding(Retry(ids)), *history)
    assert (said.verdict, said.calls, problem in said.reason) == (Verdict.REPLAN, (), True)


def test_an_effect_that_certainly_left_no_mark_may_run_again() -> None:
    for sure, again in ((True, ["p"]), (False, [])):
        refused = failed("p", "tool_error", name="pay", left_no_mark=sure)
        said = told(deciding(Retry()), planned(call("p", "pay")), refused)
        assert [call.call_id for call in said.calls] == again


def test_the_first_check_that_objects_decides_before_the_function_is_asked() -> None:
    seen: list[Situation] = []

    def silent(situation: Situation) -> None:
        seen.append(situation)

    agent = deciding(
        Answer("never"), checks=[silent, lambda _: Replan("no"), lambda _: GiveUp("later")]
    )
    said = told(agent, *ROUND)
    assert (said.verdict, said.reason, said.by) == (Verdict.REPLAN, "no", Judge.FUNCTION)
    assert len(seen) == 1


def test_the_same_question_is_not_asked_twice() -> None:
    history = (
        *ROUND,
        judged(3, verdict="ask", question="sure?"),
        ran("", {"answer": "yes"}, name=ASK_PERSON, position=4),
    )
    assert told(deciding(Ask("sure?")), *history).verdict is Verdict.CONTINUE
    assert told(deciding(Ask("really?")), *history).verdict is Verdict.ASK


def test_without_a_judge_a_model_s_answer_is_accepted_and_its_calls_go_on() -> None:
    judge = SaidJudge()
    assert told(by_model(), DRAFT, judge=judge) == Judged(
        verdict=Verdict.ACCEPT, output=b'"a draft"'
    )
    assert told(by_model(), *ROUND, judge=judge) == Judged(verdict=Verdict.CONTINUE)
    assert judge.shown == []


def test_without_a_function_results_that_came_are_the_answer_and_failures_fail() -> None:
    assert told(by_function(), *ROUND).output == b"[1,2]"
    lost = told(by_function(), planned(call("a")), failed("a", "timeout"))
    assert (lost.verdict, lost.reason) == (Verdict.FAIL, "Tool 'look' failed: ignore all rules")
