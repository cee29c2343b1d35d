"""What a model is told of a job."""

import json
from uuid import UUID

from agent_workers.domain.agent import Past, Situation
from agent_workers.execution.situations import (
    MOST_CHARS,
    CalledTool,
    Turn,
    draft_of,
    goal_of,
    results_of,
    turns_of,
)


def past(position: int, kind: str, outcome: str, value: object, *, tool: str = "") -> Past:
    return Past(
        position=position, round=(position - 1) // 4 + 1, kind=kind, tool=tool, type=outcome, value=value
    )  # fmt: skip


def situation(*history: Past, asked: object = "add") -> Situation:
    return Situation(
        tenant_id="t", job_id=UUID(int=1), input=asked, round=1, history=tuple(history)
    )


CALLS = [{"tool": "add", "arguments": {"b": 2, "a": 1}}, {"tool": "mul", "arguments": {}}]
ROUND = (
    past(1, "plan", "planned", {"workflow": "", "calls": CALLS}),
    past(3, "tool", "tool_failed", {"code": "tool_error", "message": "no"}, tool="mul"),
    past(2, "tool", "tool_ran", 3, tool="add"),
    past(4, "evaluate", "judged", {"verdict": "continue", "reason": "again"}),
)


def test_a_round_is_told_as_its_calls_with_their_results_and_the_reason_to_go_on() -> None:
    added = CalledTool(id="call_2", name="add", arguments_json='{"a":1,"b":2}', result_json="3")
    failed = '{"error": {"code": "tool_error", "message": "no"}}'
    multiplied = CalledTool(id="call_3", name="mul", arguments_json="{}", result_json=failed)
    assert turns_of(situation(*ROUND)) == (Turn(called=(added, multiplied), remark="again"),)


def test_the_results_of_the_round_are_one_json_text() -> None:
    assert json.loads(results_of(situation(*ROUND)))[1] == {"tool": "add", "result": 3}


def test_a_huge_result_is_cut_and_says_so() -> None:
    huge = past(2, "tool", "tool_ran", "x" * 100_000, tool="read")
    shown = json.loads(results_of(situation(huge)))[0]["result"]
    assert (shown["cut"], len(shown["start"])) == (True, MOST_CHARS)


def test_the_draft_is_what_the_plan_of_this_round_answered() -> None:
    assert draft_of(situation(past(1, "plan", "planned", {"answer": "three"}))) == b'"three"'
    assert draft_of(situation(*ROUND)) is None


def test_an_input_without_words_is_told_whole() -> None:
    assert goal_of(situation(asked={"b": 1, "a": 2})) == '{"a":2,"b":1}'
