"""The last turn of a job at a limit: it ends with an answer, whatever the model does."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from agent_workers import Agent
from agent_workers.domain.course import Course
from agent_workers.domain.step import GaveUp, Planned, Summarised
from agent_workers.execution.agents.registry import loaded
from agent_workers.execution.model_steps import ModelSteps
from agent_workers.execution.models.failures import ErrorClass, ModelFailed
from agent_workers.execution.models.values import ModelReply
from tests.support.models import JustOne
from tests.unit.execution.models.fakes import SaidModel, said, wish
from tests.unit.execution.planner.pasts import Story, call
from tests.unit.orchestration.agents import claimed

AGENT = loaded(Agent(name="demo", model="scripted/small", instructions="Be kind."))
LIMIT = Course(finalising="max_tool_calls")


def last_turn(
    *replies: ModelReply | ModelFailed, tries: int = 0
) -> tuple[Planned | GaveUp | Summarised, SaidModel]:
    story = Story().planned(call("c1"), call("c2")).ran("c1", 3).judged("continue").next_round()
    model = SaidModel(*replies)
    step = replace(claimed(tries=tries), course=LIMIT)
    return ModelSteps(models=JustOne(model)).plan(step, AGENT, story.situation(LIMIT)), model


def test_a_model_sums_up_without_tools_what_was_done_and_what_was_not() -> None:
    planned, model = last_turn(said("three, and one call was not made"))
    assert isinstance(planned, Planned)
    assert planned.answer == b'"three, and one call was not made"'
    assert planned.degraded == "limit: max_tool_calls"
    (asked,) = model.asked
    assert (asked.purpose, asked.tools) == ("summarise", ())
    assert "(max_tool_calls)" in asked.messages[0].content
    assert '"not_run": true' in asked.messages[1].content


def test_a_wish_for_a_tool_is_no_answer_and_is_never_run() -> None:
    planned, model = last_turn(said("", wish("add", "{}")), said("three"))
    assert isinstance(planned, Planned)
    assert (planned.calls, planned.answer) == ((), b'"three"')
    assert "answer in words" in model.asked[1].messages[-1].content


@pytest.mark.parametrize(
    ("replies", "why"),
    [
        (lambda: [said("no", finish_reason="refusal")], "model_refused"),
        (lambda: [said("")] * 3, "no usable answer"),
        (lambda: [ModelFailed(ErrorClass.AUTH, "no key")], "model_auth"),
        (lambda: [ModelFailed(ErrorClass.BUDGET, "too dear")], "model_budget"),
    ],
)
def test_without_a_summary_the_results_are_the_answer(
    replies: Callable[[], list[ModelReply | ModelFailed]], why: str
) -> None:
    planned, _ = last_turn(*replies())
    assert isinstance(planned, Planned)
    assert planned.answer == b'[{"tool":"add","result":3}]'
    assert planned.degraded == f"limit: max_tool_calls; not summed up: {why}"


def test_what_may_pass_is_tried_again_before_the_results_have_to_do() -> None:
    with pytest.raises(ModelFailed):
        last_turn(ModelFailed(ErrorClass.OVERLOADED, "busy"), tries=1)
    planned, _ = last_turn(ModelFailed(ErrorClass.OVERLOADED, "busy"), tries=2)
    assert isinstance(planned, Planned)
    assert planned.degraded.endswith("not summed up: model_overloaded")
    parked = ModelFailed(ErrorClass.OVERLOADED, "busy", parks_on="model:m")
    with pytest.raises(ModelFailed):
        last_turn(parked, tries=3)
