"""What functions of an agent return that nothing can be done with: who it was, what, and where."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from agent_workers import Agent, Answer, Plan, Use
from agent_workers.domain.step import Broke, Judged, Outcome, Planned, StepKind
from agent_workers.domain.text.encoding import MOST_BYTES
from agent_workers.execution.agents.registry import loaded
from agent_workers.execution.perform import Performer
from agent_workers.execution.tools.router import ToolRouter
from tests.unit.orchestration.agents import claimed

WHEN = datetime(2026, 5, 4, tzinfo=UTC)


class Customer:
    """Something that no JSON stands for."""


def performed(kind: StepKind, **parts: Any) -> Outcome | Broke:
    agent = loaded(Agent(name="a", **{"plan": giving(None), **parts}))
    perform = Performer(find=lambda _: agent, router=ToolRouter(lambda _: agent))
    return perform(claimed(kind), tuple)


def giving(value: object) -> Callable[[object], Any]:
    def gives(_: object) -> object:
        return value

    return gives


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "returned None; return a Plan, an Answer or GiveUp."),
        ("Lisbon", "returned str; return a Plan, an Answer or GiveUp."),
        (Plan(["read"]), "returned a Plan of a str; a Plan is a list of Uses."),  # type: ignore[list-item]
        (Plan(Use("read")), "returned a Plan of one Use; a Plan is a list of Uses."),  # type: ignore[arg-type]
        (Answer({"who": [Customer()]}),
         ("answered with something that is not JSON at $.who[0]: Customer object; "
         "return text, numbers, lists or dicts")),
        (Answer("x" * MOST_BYTES), "answered with 1,048,578 bytes; 1,048,576 are allowed"),
        (Plan([Use("read", {"a": {"b": float("nan")}})]),
         "planned 'read' with something that is not JSON at $.a.b: the number nan"),
    ],
)  # fmt: skip
def test_a_planner_is_named_with_its_line(value: object, words: str) -> None:
    broke = performed(StepKind.PLAN, plan=giving(value))
    assert isinstance(broke, Broke)
    assert (broke.code, broke.retryable) == ("bad_return", False)
    assert broke.message.startswith(
        "Planner of 'a' (tests/unit/execution/planner/test_returned.py:"
    )
    assert words in broke.message


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "returned None, which is not a verdict; return Answer, Continue, Retry,"),
        (Answer({1: 1, "1": 2}), "not JSON: two keys that are both written '1';"),
    ],
)
def test_an_evaluator_is_named_with_its_line(value: object, words: str) -> None:
    broke = performed(StepKind.EVALUATE, evaluate=giving(value))
    assert isinstance(broke, Broke)
    assert (broke.code, broke.retryable) == ("bad_return", False)
    assert broke.message.startswith(
        "Evaluator of 'a' (tests/unit/execution/planner/test_returned.py:"
    )
    assert words in broke.message


def test_a_check_may_also_return_none() -> None:
    broke = performed(StepKind.EVALUATE, checks=[giving(True)])
    assert isinstance(broke, Broke)
    assert broke.message.startswith("Check of 'a' (tests/unit/execution/planner/test_returned.py:")
    assert broke.message.endswith("returned bool, which is not a verdict; return Answer, Continue, Retry, "
                                  "Replan, Escalate, Ask or GiveUp, or None.")  # fmt: skip


def test_times_and_the_like_are_text_in_arguments_and_answers() -> None:
    planned = performed(StepKind.PLAN, plan=giving(Plan([Use("read", {"at": WHEN})])))
    assert isinstance(planned, Planned)
    assert json.loads(planned.calls[0].arguments) == {"at": "2026-05-04T00:00:00Z"}
    answered = performed(StepKind.PLAN, plan=giving(Answer([WHEN])))
    assert isinstance(answered, Planned)
    assert answered.answer == b'["2026-05-04T00:00:00Z"]'
    judged = performed(StepKind.EVALUATE, evaluate=giving(Answer({WHEN.date(): 1})))
    assert isinstance(judged, Judged)
    assert judged.output == b'{"2026-05-04":1}'
