"""Plans are refused before anything of them runs, with all that is wrong with them."""

import pytest

from agent_workers.domain.step import ToolCall
from agent_workers.execution.planner.checks import Room, levels, problems_of
from tests.support.offers import MODELS
from tests.unit.execution.planner.pasts import call

FROM_A = {"$from": "a"}


def problems(*calls: ToolCall, room: Room | None = None) -> str:
    return "; ".join(problems_of(calls, MODELS, room or Room()))


def test_a_plan_that_can_be_run_has_no_problems() -> None:
    plan = (
        call("a", a=1),
        call("b", ["a"], a=FROM_A),
        call("c", ["a", "b"], tool="send", to="x", text=FROM_A),
    )
    assert problems(*plan) == ""
    assert levels(plan) == 3


@pytest.mark.parametrize(
    ("plan", "told"),
    [
        ((call("a", tool="pay"),), "there is no tool 'pay', only add, send"),
        ((call("a", a="many"),), "the arguments of 'a' (add): a: Input should be a valid integer"),
        ((call("a", tool="send", to="x"),), "text: Field required"),
        ((call("a"), call("b", ["a"], tool="send", to=FROM_A, text=3)), "text: Input should be"),
        ((call("a"), call("b", ["a"], c=FROM_A)), "c: Extra inputs are not permitted"),
        ((call("a"), call("a")), "ids are not unique: a"),
        ((call(""),), "the id '' is not"),
        ((call("a b"),), "the id 'a b' is not"),
        ((call("a", ["z"]),), "'a' depends on 'z', which is not a call of this plan"),
        ((call("a"), call("b", a=FROM_A)), "'b' refers to 'a' without depending on it"),
        ((call("a", ["a"]),), "wait for each other"),
        ((call("a", ["b"]), call("b", ["a"])), "wait for each other"),
        ((call("a", tool="hand_off"), call("b")), "'hand_off' stands alone"),
    ],
)
def test_a_plan_that_cannot_be_run_says_why(plan, told) -> None:
    assert told in problems(*plan)


def test_a_plan_may_be_only_so_much() -> None:
    chain = (call("a"), call("b", ["a"]), call("c", ["b"]))
    assert "at most 2 are allowed" in problems(*chain, room=Room(calls=2))
    assert "do not fit in the 5 steps" in problems(*chain, room=Room(steps=5))
    assert problems(*chain, room=Room(steps=6)) == ""
    assert "3 calls at once" in problems(call("a"), call("b"), call("c"), room=Room(at_once=2))


def test_arguments_are_not_quoted_back() -> None:
    assert "hunter2" not in problems(call("a", a="hunter2"))
