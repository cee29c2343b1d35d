"""What a person said of a call that has failed for good is done, once."""

from typing import Any

import pytest

from agent_workers.domain.agents.agent import Answer, GiveUp, Past
from agent_workers.domain.agents.engine_tools import ASK_PERSON, GO_ON, LET_FAIL, TRY_AGAIN
from agent_workers.domain.step import Judged, ToolCall, Verdict
from agent_workers.execution.evaluator.evaluating import accept_results, checked
from tests.unit.execution.evaluator.rounds import (
    by_function,
    by_model,
    call,
    failed,
    judged,
    planned,
    ran,
    situation,
    whole_plan,
    work,
)

DOWN = (planned(call("a"), call("b")), ran("b", 2, position=1), failed("a", "timeout", position=2))


def said(answer: object, about: str = "a", position: int = 3) -> Past:
    value = {"answer": answer, "about": {"id": about, "tool": "look"}}
    return ran("", value, name=ASK_PERSON, position=position)


AGENTS = pytest.mark.parametrize("agent", [by_model(), by_function(), whole_plan()])


@AGENTS
def test_try_again_runs_the_call_again(agent: Any) -> None:
    verdict = checked(work(agent, *DOWN, said(TRY_AGAIN)))
    again = (ToolCall(tool="look", arguments=b"{}", call_id="a"),)
    reason = "a person said: try again: a"
    assert verdict == Judged(verdict=Verdict.RETRY, reason=reason, calls=again)


@AGENTS
@pytest.mark.parametrize("outcome", [failed("a", "timeout", position=5), ran("a", 1, position=5)])
def test_an_answer_is_heard_once(agent: Any, outcome: Past) -> None:
    verdict = checked(work(agent, *DOWN, said(TRY_AGAIN), judged(position=4), outcome))
    assert verdict is None or verdict.verdict is Verdict.REPLAN


@AGENTS
def test_let_the_job_fail_ends_it(agent: Any) -> None:
    verdict = checked(work(agent, *DOWN, said(LET_FAIL)))
    assert verdict == Judged(verdict=Verdict.FAIL, reason="a person said: let the job fail")


@pytest.mark.parametrize("answer", [GO_ON, "something else", ["lists"], None, 7])
def test_whatever_else_is_said_is_data(answer: object) -> None:
    assert checked(work(by_model(), *DOWN, said(answer))) is None
    whole = checked(work(whole_plan(), *DOWN, said(answer)))
    assert whole is not None
    assert whole.verdict is Verdict.REPLAN


def test_answers_about_calls_that_nobody_planned_change_nothing() -> None:
    assert checked(work(by_model(), *DOWN, said(TRY_AGAIN, about="z"))) is None


def test_results_that_came_are_accepted_without_what_a_person_left_out() -> None:
    assert accept_results(situation(*DOWN, said(GO_ON))) == Answer(output=2)
    assert isinstance(accept_results(situation(*DOWN, said("hm"))), GiveUp)
    assert isinstance(accept_results(situation(*DOWN)), GiveUp)
