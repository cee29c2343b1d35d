"""Planning turn by turn by a model, with a fake one."""

import pytest

from agent_workers.domain.budget import Usage
from agent_workers.domain.step import GaveUp, Planned, ToolCall
from agent_workers.execution.models.failures import ErrorClass, ModelFailed
from agent_workers.execution.planner.asking import Rationed
from agent_workers.execution.planner.by_model import PlanRequest, plan
from agent_workers.execution.planner.situations import CalledTool, Turn
from tests.support.offers import OFFER
from tests.unit.execution.models.fakes import USED, SaidModel, said, wish


def asked(*turns: Turn) -> PlanRequest:
    return PlanRequest(goal="add 1 and 2", offer=OFFER, turns=turns)


def test_tool_calls_become_the_plan_with_canonical_arguments_and_ids_of_ours() -> None:
    model = SaidModel(said("", wish("add", '{"b": 2,\n "a": 1}', "x1"), wish("add", "{}", "x2")))
    assert plan(model, asked(), deadline_s=5) == Planned(
        calls=(
            ToolCall(tool="add", arguments=b'{"a":1,"b":2}', call_id="c1"),
            ToolCall(tool="add", arguments=b"{}", call_id="c2"),
        ),
        usage=USED,
        model="fake",
    )


def test_a_call_may_wait_for_others_of_its_turn_and_use_their_results() -> None:
    model = SaidModel(
        said(
            "",
            wish("add", "{}"),
            wish("add", '{"a": {"$from": "c1", "path": "sum"}, "_after": []}'),
            wish("send", '{"to": "me", "text": "done", "_after": ["c1", "c2"]}'),
        )
    )
    planned = plan(model, asked(), deadline_s=5)
    assert isinstance(planned, Planned)
    assert [call.after for call in planned.calls] == [(), ("c1",), ("c1", "c2")]
    assert planned.calls[2].arguments == b'{"text":"done","to":"me"}'


def test_text_without_a_call_is_the_answer_as_json() -> None:
    planned = plan(SaidModel(said("it is „3“")), asked(), deadline_s=5)
    assert planned == Planned(calls=(), answer=b'"it is \\u201e3\\u201c"', usage=USED, model="fake")


def test_a_refusal_gives_up() -> None:
    planned = plan(SaidModel(said("I will not", finish_reason="refusal")), asked(), deadline_s=5)
    assert planned == GaveUp(code="model_refused", message="I will not", usage=USED, model="fake")


def test_a_model_may_give_up_with_a_reason() -> None:
    model = SaidModel(said("", wish("give_up", '{"reason": "there is no such order"}')))
    planned = plan(model, asked(), deadline_s=5)
    assert planned == GaveUp(
        code="gave_up", message="there is no such order", usage=USED, model="fake"
    )
    assert [tool.name for tool in model.asked[0].tools] == ["add", "send", "give_up"]


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (said("", wish("add", '{"a": ')), "not JSON"),
        (said("", wish("add", "[1]")), "not a JSON object"),
        (said("", wish("subtract", "{}")), "no tool 'subtract'"),
        (said("", wish("add", '{"a": NaN}')), "no form"),
        (said("", wish("add", r'{"a": "\ud800"}')), "no form"),
        (said("", wish("add", r'{"a": "\u0000"}')), "NUL"),
        (said("", wish("add", '{"a": "many"}')), "'c1' (add): a: Input should be a valid integer"),
        (said("", wish("add", '{"c": 1}')), "c: Extra inputs are not permitted"),
        (said("", wish("add", '{"_after": ["c2"]}')), "'c2', which is not a call"),
        (said("", wish("add", '{"_after": "c1"}')), "not a list of names"),
        (said("", wish("add", '{"_after": ["c1"]}')), "wait for each other"),
        (said("", wish("add", "{}"), wish("give_up", '{"reason": "x"}')), "stands alone"),
        (said("", wish("give_up", "{}")), "needs a `reason`"),
        (said("  "), "empty"),
    ],
)
def test_an_unusable_plan_is_repaired_and_the_model_is_told_why(broken, told) -> None:
    model = SaidModel(broken, said("3"))
    planned = plan(model, asked(), deadline_s=5)
    assert (planned.usage, getattr(planned, "answer", None)) == (USED + USED, b'"3"')
    assert told in model.asked[1].messages[-1].content


def test_after_two_repairs_the_plan_is_invalid_and_says_what_it_cost() -> None:
    model = SaidModel(*[said("", wish("add", "?"))] * 4)
    planned = plan(model, asked(), deadline_s=5)
    assert isinstance(planned, Planned)
    assert (len(model.asked), planned.calls, planned.answer) == (3, (), None)
    assert "not JSON" in planned.problems[0]
    assert planned.usage == USED + USED + USED


def test_a_repair_that_the_limit_on_model_calls_forbids_is_not_made() -> None:
    model = SaidModel(*[said("", wish("add", "?"))] * 4)
    planned = plan(Rationed(model, calls=1), asked(), deadline_s=5)
    assert isinstance(planned, Planned)
    assert (len(model.asked), planned.usage) == (1, USED)
    assert "no model call left" in planned.problems[0]


def test_a_failure_during_repair_keeps_what_was_spent_before_it() -> None:
    model = SaidModel(said(""), ModelFailed(ErrorClass.TIMEOUT, "cut"))
    with pytest.raises(ModelFailed) as failed:
        plan(model, asked(), deadline_s=5)
    assert failed.value.as_broke(worst_case_micro=1_000).usage == USED + Usage(cost_micro=1_000)


def test_a_cut_answer_is_never_taken_for_a_whole_one() -> None:
    with pytest.raises(ModelFailed) as failed:
        plan(SaidModel(said("the sum is", finish_reason="length")), asked(), deadline_s=5)
    assert failed.value.error_class is ErrorClass.TRUNCATED


def test_earlier_rounds_are_told_as_pairs_of_call_and_result() -> None:
    model = SaidModel(said("3"))
    called = CalledTool(id="call_1", name="add", arguments_json='{"a":1}', result_json="3")
    turns = (Turn(called=(called,), remark="be brief"), Turn(said="3", remark="why?"))
    plan(model, asked(*turns), deadline_s=5)
    messages = model.asked[0].messages
    roles = ["system", "user", "assistant", "tool", "user", "assistant", "user"]
    assert [m.role for m in messages] == roles
    assert messages[2].tool_calls[0].id == messages[3].tool_call_id
