"""When a model is asked for its opinion, what becomes of it, and what when it has none."""

import json
from typing import Any
from uuid import UUID

import pytest

from agent_workers import Agent, Answer, Continue, GiveUp, Judging, Limits, Situation
from agent_workers.domain.agents.engine_tools import ASK_PERSON
from agent_workers.domain.agents.judging import IfUnjudged
from agent_workers.domain.course import Course
from agent_workers.domain.step import GaveUp, Judge, StepKind, Verdict
from agent_workers.execution.evaluator.by_model import Opinion
from agent_workers.execution.evaluator.evaluating import evaluate
from agent_workers.execution.models.failures import ErrorClass, ModelFailed
from tests.unit.execution.evaluator.judges import (
    DRAFT,
    ROUND,
    USED,
    SaidJudge,
    deciding,
    opinion,
    told,
)
from tests.unit.execution.evaluator.rounds import (
    an,
    answered,
    by_function,
    by_model,
    call,
    failed,
    judged,
    planned,
    ran,
    whole_plan,
)
from tests.unit.orchestration.agents import claimed

FINAL = Judging(final=True)
RISKY = Judging(risky=True)


@pytest.mark.parametrize(
    ("agent", "history", "asked"),
    [
        (by_model(judging=FINAL), (DRAFT,), True),
        (by_model(judging=FINAL), ROUND, False),
        (by_model(judging=RISKY), ROUND, True),
        (by_model(judging=RISKY), (planned(call("a")), ran("a", 1)), False),
        (by_model(judging=RISKY), (DRAFT,), False),
        (by_model(judging=RISKY), (planned(call("p", "pay")), failed("p", "x", name="pay")), True),
        (
            by_model(judging=RISKY),
            (
                planned(call("p", "pay")),
                failed("p", "bad_arguments", name="pay", left_no_mark=True),
            ),
            False,
        ),
        (by_model(judging=Judging(sample=1.0)), ROUND, True),
        (by_function(judging=FINAL), ROUND, False),
        (by_function(judging=FINAL, model="m"), ROUND, True),
        (deciding(Answer(1), judging=FINAL, model="m"), ROUND, True),
        (deciding(Continue(), judging=FINAL, model="m"), ROUND, False),
        (deciding(GiveUp("x"), judging=FINAL, model="m"), ROUND, False),
        (whole_plan(), (planned(call("a", done_when="it is nice")), ran("a", 1)), True),
        (whole_plan(), (planned(call("a", done_when="result == 1")), ran("a", 1)), False),
    ],
)
def test_a_model_is_asked_only_where_that_was_asked_for(
    agent: Agent, history: Any, *, asked: bool
) -> None:
    judge = SaidJudge()
    told(agent, *history, judge=judge)
    assert bool(judge.shown) is asked


def test_a_sample_is_the_same_whenever_it_is_drawn_and_near_its_share() -> None:
    agent = an(by_model(judging=Judging(sample=0.3)))

    def drawn() -> list[bool]:
        judge = SaidJudge()
        asked = []
        for number in range(1_000):
            judge.shown.clear()
            one = Situation(
                tenant_id="t", job_id=UUID(int=number), input="", round=0, history=(DRAFT,)
            )
            evaluate(claimed(StepKind.EVALUATE), agent, one, judge)
            asked.append(bool(judge.shown))
        return asked

    assert drawn() == drawn()
    assert 250 < sum(drawn()) < 350


@pytest.mark.parametrize(
    ("says", "history", "verdict"),
    [
        (opinion(Verdict.ACCEPT), (DRAFT,), "accept"),
        (opinion(Verdict.CONTINUE), (DRAFT,), "replan"),
        (opinion(Verdict.REPLAN), (DRAFT,), "replan"),
        (opinion(Verdict.ESCALATE), (DRAFT,), "escalate"),
        (opinion(Verdict.ASK, question="?"), (DRAFT,), "ask"),
        (opinion(Verdict.FAIL), (DRAFT,), "fail"),
        (opinion(Verdict.ACCEPT, answer="done"), ROUND, "continue"),
        (opinion(Verdict.CONTINUE), ROUND, "continue"),
        (opinion(Verdict.RETRY, ids=("a",)), ROUND, "retry"),
        (opinion(Verdict.RETRY, ids=("p",)), ROUND, "replan"),
    ],
)
def test_a_judge_s_opinion_becomes_a_verdict(says: Opinion, history: Any, verdict: str) -> None:
    agent = by_model(judging=Judging(final=True, risky=True))
    said = told(agent, *history, judge=SaidJudge(says))
    assert (said.verdict.value, said.by, said.usage) == (verdict, Judge.MODEL, USED)
    assert said.reason.startswith("because")


def test_a_better_answer_takes_a_draft_s_place_unless_it_breaks_a_promise() -> None:
    better = SaidJudge(opinion(Verdict.ACCEPT, answer="better [doc_9]"))
    assert told(by_model(judging=FINAL), DRAFT, judge=better).output == b'"better [doc_9]"'
    cites = by_model(judging=FINAL, cites=True)
    assert told(cites, DRAFT, judge=better).output == b'"a draft"'
    shaped = deciding(Answer({"n": 1}), judging=FINAL, model="m")
    assert told(shaped, *ROUND, judge=better).output == b'{"n":1}'


BROKEN: list[tuple[GaveUp | ModelFailed, str]] = [
    (GaveUp(code="model_refused", message="no", usage=USED), "the model refused"),
    (ModelFailed(ErrorClass.MALFORMED, "thrice", spent=USED, cost_known=True), "thrice"),
    (ModelFailed(ErrorClass.BUDGET, "too dear", spent=USED), "too dear"),
    (ModelFailed(ErrorClass.AUTH, "no key", spent=USED), "no key"),
]


@pytest.mark.parametrize(("broken", "why"), BROKEN)
def test_a_broken_judge_loses_no_good_answer_and_the_job_says_so(
    broken: GaveUp | ModelFailed, why: str
) -> None:
    said = told(by_model(judging=FINAL), DRAFT, judge=SaidJudge(broken))
    assert (said.verdict, said.output, said.usage) == (Verdict.ACCEPT, b'"a draft"', USED)
    assert said.degraded.startswith("not judged: ")
    assert why in said.degraded


@pytest.mark.parametrize("broken", [ErrorClass.TIMEOUT, ErrorClass.OVERLOADED])
def test_a_judge_that_may_come_back_is_waited_for_but_not_for_ever(broken: ErrorClass) -> None:
    judge = SaidJudge(ModelFailed(broken, "late", spent=USED, cost_known=True))
    for tries in (0, 1):
        with pytest.raises(ModelFailed):
            told(by_model(judging=FINAL), DRAFT, judge=judge, tries=tries)
    assert told(by_model(judging=FINAL), DRAFT, judge=judge, tries=2).degraded


def test_a_judge_behind_an_open_breaker_is_waited_for_as_long_as_it_takes() -> None:
    judge = SaidJudge(ModelFailed(ErrorClass.OVERLOADED, "open", parks_on="model:m"))
    with pytest.raises(ModelFailed):
        told(by_model(judging=FINAL), DRAFT, judge=judge, tries=50)


@pytest.mark.parametrize(
    ("choice", "verdict"),
    [
        (IfUnjudged.ASK, Verdict.ASK),
        (IfUnjudged.FAIL, Verdict.FAIL),
        (IfUnjudged.ACCEPT, Verdict.CONTINUE),
    ],
)
def test_what_follows_a_risky_effect_that_nobody_could_judge_is_declared(
    choice: IfUnjudged, verdict: Verdict
) -> None:
    agent = by_model(judging=Judging(risky=True, if_unjudged=choice))
    said = told(agent, *ROUND, judge=SaidJudge(BROKEN[0][0]))
    assert (said.verdict, said.usage) == (verdict, USED)
    assert "not judged" in f"{said.reason}{said.degraded}"
    assert ("pay" in said.question) is (choice is IfUnjudged.ASK)


def test_a_worker_without_models_and_a_job_without_calls_left_judge_nothing() -> None:
    assert "no models" in told(by_model(judging=FINAL), DRAFT).degraded
    judge = SaidJudge()
    limited = by_model(judging=FINAL, limits=Limits(max_model_calls=3))
    said = told(limited, DRAFT, judge=judge, course=Course(model_calls=2))
    assert ("used up" in said.degraded, judge.shown) == (True, [])
    assert not told(limited, DRAFT, judge=judge, course=Course(model_calls=1)).degraded


def test_a_judge_sees_all_results_of_the_job_in_order_and_huge_ones_cut() -> None:
    judge = SaidJudge()
    earlier = [ran(f"c{n}", "x" * 9_000, position=n) for n in range(1, 9)]
    told(by_model(judging=FINAL), *earlier, answered("a draft", position=9), judge=judge)
    shown = judge.shown[0].results_json
    assert len(shown) < 42_000
    assert shown.index('"left_out"') < shown.index('"c8"')
    assert shown.index('"c7"') < shown.index('"c8"')
    assert '"cut": true' in shown


def test_a_judge_sees_of_a_call_that_was_run_again_what_came_last() -> None:
    judge = SaidJudge()
    again = (planned(call("a")), failed("a", "timeout"), judged(), ran("a", "found", position=3))
    told(by_model(judging=Judging(sample=1.0)), *again, judge=judge)
    assert json.loads(judge.shown[0].results_json) == [
        {"id": "a", "tool": "look", "result": "found"}
    ]


def test_where_a_person_has_answered_no_model_is_asked_again() -> None:
    judge = SaidJudge(BROKEN[0][0])
    asked = (judged(3, verdict="ask", question="?"), ran("", "yes", name=ASK_PERSON, position=4))
    agent = deciding(Continue(), judging=RISKY, model="m")
    assert told(agent, *ROUND, *asked, judge=judge).verdict is Verdict.CONTINUE


def test_a_whole_plan_that_was_carried_out_and_needs_more_is_made_anew() -> None:
    nice = (planned(call("a", done_when="it is nice")), ran("a", 1))
    said = told(whole_plan(), *nice, judge=SaidJudge(opinion(Verdict.CONTINUE, ids=("a",))))
    assert (said.verdict, said.about) == (Verdict.REPLAN, ("a",))
