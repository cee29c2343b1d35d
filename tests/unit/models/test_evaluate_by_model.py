"""Evaluating by a model, with a fake one."""

import json

import pytest

from agent_workers.domain.step import GaveUp, Judged, Verdict
from agent_workers.execution.evaluate_by_model import EvaluateRequest, evaluate
from agent_workers.execution.models.failures import ErrorClass, ModelFailed
from tests.unit.models.fakes import USED, SaidModel, said

ASKED = EvaluateRequest(model="m", goal="add", results_json="[3]", draft=b"3")


def verdict(**fields: object) -> str:
    return json.dumps({"verdict": "accept", "reason": "right", "answer": None} | fields)


def test_accepting_without_an_answer_keeps_the_draft() -> None:
    judged = evaluate(SaidModel(said(verdict())), ASKED, deadline_s=5)
    assert judged == Judged(verdict=Verdict.ACCEPT, reason="right", output=b"3", usage=USED)


def test_accepting_with_an_answer_replaces_the_draft() -> None:
    judged = evaluate(SaidModel(said(verdict(answer="three"))), ASKED, deadline_s=5)
    assert isinstance(judged, Judged)
    assert judged.output == b'"three"'


@pytest.mark.parametrize(
    ("word", "meant"),
    [("continue", Verdict.CONTINUE), ("retry", Verdict.CONTINUE), ("fail", Verdict.FAIL)],
)
def test_another_verdict_carries_its_reason_and_no_output(word, meant) -> None:
    judged = evaluate(SaidModel(said(verdict(verdict=word))), ASKED, deadline_s=5)
    assert judged == Judged(verdict=meant, reason="right", usage=USED)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("I accept!", "not JSON"),
        ("[]", "not a JSON object"),
        (verdict(verdict="maybe"), "`verdict` is 'maybe'"),
        (verdict(reason=3), "`reason`"),
        (verdict(answer=3), "`answer`"),
    ],
)
def test_a_verdict_that_does_not_fit_is_repaired(text, told) -> None:
    model = SaidModel(said(text), said(verdict()))
    assert evaluate(model, ASKED, deadline_s=5).usage == USED + USED
    assert told in model.asked[1].messages[-1].content


def test_a_verdict_is_repaired_at_most_twice() -> None:
    model = SaidModel(*[said("?")] * 4)
    with pytest.raises(ModelFailed) as failed:
        evaluate(model, ASKED, deadline_s=5)
    assert (len(model.asked), failed.value.error_class) == (3, ErrorClass.MALFORMED)


def test_a_judge_that_refuses_gives_up() -> None:
    judged = evaluate(SaidModel(said("no", finish_reason="refusal")), ASKED, deadline_s=5)
    assert judged == GaveUp(code="model_refused", message="no", usage=USED)
