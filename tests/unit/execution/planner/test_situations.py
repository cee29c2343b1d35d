"""What a model is told of a job."""

import json

from agent_workers.domain.step import Planned
from agent_workers.execution.planner.situations import (
    MOST_CHARS,
    CalledTool,
    Turn,
    goal_of,
    turns_of,
)
from agent_workers.execution.planner.told import objection_to, work_done
from tests.unit.execution.planner.pasts import Story, call


def test_calls_and_results_are_matched_by_their_ids_in_whatever_order_they_came() -> None:
    story = Story().planned(call("c1", b=2, a=1), call("c2", tool="mul"))
    story.failed("c2", "tool_error", "no", tool="mul").ran("c1", 3).judged("continue", "again")
    added = CalledTool(id="call_2", name="add", arguments_json='{"a":1,"b":2}', result_json="3")
    failed = '{"error": {"code": "tool_error", "message": "no"}}'
    multiplied = CalledTool(id="call_1", name="mul", arguments_json="{}", result_json=failed)
    assert turns_of(story.situation()) == (Turn(called=(added, multiplied), remark="again"),)


def test_of_a_call_that_was_run_again_the_newest_result_is_told() -> None:
    story = Story().planned(call("c1")).failed("c1", "timeout").judged("retry", "once more")
    story.ran("c1", 3).judged("continue")
    (turn,) = turns_of(story.situation())
    assert [one.result_json for one in turn.called] == ["3"]
    assert turn.remark == ""


def test_a_call_that_never_ran_says_so_because_providers_want_a_result_for_each() -> None:
    (turn,) = turns_of(Story().planned(call("c1")).situation())
    assert turn.called[0].result_json == '{"error": {"code": "not_run"}}'


def test_an_invalid_plan_and_an_answer_that_was_sent_back_are_told_with_the_reason() -> None:
    story = Story().outcome("plan", Planned(calls=(), problems=("no tool 'x'",))).next_round()
    story.planned(answer=b'"three"').judged("replan", "in digits")
    assert turns_of(story.situation()) == (
        Turn(remark="Your last plan cannot be used: no tool 'x'"),
        Turn(said="three", remark="in digits"),
    )
    assert objection_to(story.situation()) == "in digits"


def test_what_a_person_answered_to_a_verdict_is_told() -> None:
    story = Story().planned(call("c1")).ran("c1", 3).judged("ask")
    story.ran("", {"answer": "yes"}, tool="ask_person").judged("continue", "a person has answered")
    (turn,) = turns_of(story.situation())
    assert turn.remark == 'ask_person: {"answer": "yes"}\na person has answered'


def test_the_work_of_all_rounds_is_one_json_text_for_whoever_sums_it_up() -> None:
    story = Story().planned(call("c1"), call("c2")).ran("c1", 3).judged("continue").next_round()
    told = json.loads(work_done(story.situation()))
    assert told == [
        {"call": "c1", "tool": "add", "id": "call_1", "result": 3},
        {"call": "c2", "tool": "add", "not_run": True},
    ]


def test_a_huge_result_is_cut_and_says_so() -> None:
    story = Story().planned(call("c1")).ran("c1", "x" * 100_000)
    shown = json.loads(turns_of(story.situation())[0].called[0].result_json)
    assert (shown["cut"], len(shown["start"])) == (True, MOST_CHARS)


def test_an_input_without_words_is_told_whole() -> None:
    assert goal_of(Story(asked={"b": 1, "a": 2}).situation()) == '{"a":2,"b":1}'
