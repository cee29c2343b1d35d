"""Planning by a model, with a fake one."""

import pytest

from agent_workers.domain.budget import Usage
from agent_workers.domain.step import GaveUp, Planned, ToolCall
from agent_workers.execution.models.failures import ErrorClass, ModelFailed
from agent_workers.execution.models.values import ToolSchema
from agent_workers.execution.plan_by_model import PlanRequest, plan
from agent_workers.execution.situations import CalledTool, Turn
from tests.unit.models.fakes import USED, SaidModel, said, wish

ADD = ToolSchema(name="add", description="Adds.", parameters={"type": "object"})


def asked(*turns: Turn) -> PlanRequest:
    return PlanRequest(model="m", goal="add 1 and 2", tools=(ADD,), turns=turns)


def test_tool_calls_become_the_plan_with_canonical_arguments() -> None:
    model = SaidModel(said("", wish("add", '{"b": 2,\n "a": 1}'), wish("add", "{}", "c2")))
    assert plan(model, asked(), deadline_s=5) == Planned(
        calls=(
            ToolCall(tool="add", arguments=b'{"a":1,"b":2}', call_id="c1"),
            ToolCall(tool="add", arguments=b"{}", call_id="c2"),
        ),
        usage=USED,
    )


def test_text_without_a_call_is_the_answer_as_json() -> None:
    planned = plan(SaidModel(said("it is „3“")), asked(), deadline_s=5)
    assert planned == Planned(calls=(), answer=b'"it is \\u201e3\\u201c"', usage=USED)


def test_a_refusal_gives_up() -> None:
    planned = plan(SaidModel(said("I will not", finish_reason="refusal")), asked(), deadline_s=5)
    assert planned == GaveUp(code="model_refused", message="I will not", usage=USED)


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (said("", wish("add", '{"a": ')), "not JSON"),
        (said("", wish("add", "[1]")), "not a JSON object"),
        (said("", wish("subtract", "{}")), "no tool 'subtract'"),
        (said("", wish("add", '{"a": NaN}')), "no form"),
        (said("", wish("add", r'{"a": "\ud800"}')), "no form"),
        (said("", wish("add", r'{"a": "\u0000"}')), "NUL"),
        (said("  "), "empty"),
    ],
)
def test_an_unusable_plan_is_repaired_and_the_model_is_told_why(broken, told) -> None:
    model = SaidModel(broken, said("3"))
    assert plan(model, asked(), deadline_s=5).usage == USED + USED
    assert told in model.asked[1].messages[-1].content


def test_after_two_repairs_the_plan_has_failed_with_what_it_cost() -> None:
    model = SaidModel(*[said("", wish("add", "?"))] * 4)
    with pytest.raises(ModelFailed) as failed:
        plan(model, asked(), deadline_s=5)
    assert len(model.asked) == 3
    assert failed.value.error_class is ErrorClass.MALFORMED
    assert failed.value.as_broke(worst_case_micro=1_000).usage.cost_micro == 3 * USED.cost_micro


def test_a_failure_during_repair_keeps_what_was_spent_before_it() -> None:
    model = SaidModel(said(""), ModelFailed(ErrorClass.TIMEOUT, "cut"))
    with pytest.raises(ModelFailed) as failed:
        plan(model, asked(), deadline_s=5)
    assert failed.value.as_broke(worst_case_micro=1_000).usage == USED + Usage(cost_micro=1_000)


def test_a_cut_answer_is_never_taken_for_a_whole_one() -> None:
    with pytest.raises(ModelFailed) as failed:
        plan(SaidModel(said("the sum is", finish_reason="length")), asked(), deadline_s=5)
    assert failed.value.error_class is ErrorClass.TRUNCATED
    assert not failed.value.retryable
    assert failed.value.next_target


def test_earlier_rounds_are_told_as_pairs_of_call_and_result() -> None:
    model = SaidModel(said("3"))
    called = CalledTool(id="c1", name="add", arguments_json='{"a":1}', result_json="3")
    plan(model, asked(Turn(called=(called,), remark="be brief")), deadline_s=5)
    assert [m.role for m in model.asked[0].messages] == [
        "system",
        "user",
        "assistant",
        "tool",
        "user",
    ]
    assert model.asked[0].messages[2].tool_calls[0].id == model.asked[0].messages[3].tool_call_id
