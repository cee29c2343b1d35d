"""Answers have the shape that was promised and cite what tools returned; nobody turns in circles."""

import time
from pathlib import Path
from typing import Any

import pytest

from agent_workers import Answer, Limits
from agent_workers.domain.agents.engine_tools import ASK_PERSON
from agent_workers.domain.course import Course, repeat_key
from agent_workers.domain.step import Judged, Verdict
from agent_workers.execution.evaluator.checks_answer import accepted, cited
from agent_workers.execution.evaluator.evaluating import checked
from agent_workers.execution.values.answer_schema import misfits, schema_mistakes
from tests.unit.execution.evaluator.rounds import (
    answered,
    by_function,
    by_model,
    call,
    failed,
    judged,
    planned,
    ran,
    work,
)

PRICE = {
    "type": "object",
    "properties": {"price": {"type": "number"}, "name": {"type": "string"}},
    "required": ["price"],
    "additionalProperties": False,
}


def objection(answer: object, *, agent: Any = by_model, **declared: Any) -> str:
    said = checked(work(agent(**declared), answered(answer)))
    return "" if said is None else f"{said.verdict}: {said.reason}"


@pytest.mark.parametrize(
    "fits", [{"price": 1}, {"price": 1.5, "name": "ü\U0001f600"}, '{"price": 1}', '```json\n{"price": 1}\n```']
)  # fmt: skip
def test_an_answer_of_the_promised_shape_passes_also_as_text_of_a_model(fits: object) -> None:
    assert objection(fits, output=PRICE) == ""


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ({}, "$: 'price' is a required property"),
        ({"price": "1"}, "$.price: '1' is not of type 'number'"),
        ({"price": True}, "$.price: True is not of type 'number'"),
        ({"price": 1, "more": 2}, "('more' was unexpected)"),
        ("it costs 1", "is not of type 'object'"),
        ('{"price": ', "is not of type 'object'"),
        (None, "None is not of type 'object'"),
        (["\ud800"], "is not of type 'object'"),
    ],
)
def test_another_shape_is_sent_back_with_what_is_wrong(answer: object, told: str) -> None:
    said = objection(answer, output=PRICE)
    assert said.startswith("replan: the answer does not fit the `output` of the agent")
    assert told in said


def test_a_function_that_answers_wrongly_would_do_so_again_and_fails() -> None:
    assert objection({}, agent=by_function, output=PRICE).startswith("fail: ")


def test_what_is_said_of_a_huge_answer_is_short() -> None:
    assert len(objection("x" * 1_000_000, output=PRICE)) < 400
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    assert misfits({"$defs": {"l": {"items": {"$ref": "#/$defs/l"}}}, "$ref": "#/$defs/l"}, deep)


def test_json_in_the_words_of_a_model_becomes_the_output() -> None:
    told = work(by_model(output=PRICE), answered('{"price": 1}'))
    assert accepted(told, '{"price": 1}').output == b'{"price":1}'
    words = work(by_model(output={"type": "string"}), answered('"1"'))
    assert accepted(words, '{"price": 1}').output == b'"{\\"price\\": 1}"'


@pytest.mark.parametrize(
    ("schema", "key"),
    [
        ({"type": "objekt"}, "output.type"),
        ({"$ref": "https://example.com/s"}, "output"),
        ({"enum": {1}}, "output"),
    ],
)
def test_a_schema_that_cannot_work_is_a_mistake_of_the_declaration(schema: Any, key: str) -> None:
    assert [mistake.key for mistake in schema_mistakes(by_model(output=schema))] == [key]
    assert list(schema_mistakes(by_model(output=PRICE))) == []
    assert list(schema_mistakes(by_model())) == []


@pytest.mark.filterwarnings("ignore")  # the library warns when it fetches, and fetches
def test_what_a_schema_refers_to_is_not_fetched(tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    other.write_text("{}")
    (mistake,) = schema_mistakes(by_model(output={"$ref": other.as_uri()}))
    assert "none is fetched" in mistake.text


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("so it is [1] and [doc_7].", {"1", "doc_7"}),
        ("both [1, 2; policy-9]", {"1", "2", "policy-9"}),
        ("(source: doc_7) (Sources: a.md, b.md)", {"doc_7", "a.md", "b.md"}),
        ("[a link](https://x.y) and [another][1]", {"1"}),
        ("`a[0]` and ```x = b[1]```", set()),
        ("[sic], [x], [ ], [in words, really], []", set()),
        ("[ünïcode_1] [1️⃣]", {"ünïcode_1"}),
        ("[[1]]", {"1"}),
        ("[" * 50_000, set()),
        ({"a": ["[1]", {"b": "[2]"}], "c": 3}, {"1", "2"}),
    ],
)
def test_citations_are_ids_in_brackets_or_named_as_sources(text: object, ids: set[str]) -> None:
    assert cited(text) == ids


@pytest.mark.parametrize(
    "text",
    ["(source:" + " " * 1_000_000, "(source: a" * 100_000, "```a" * 250_001, "[a," * 300_000],
)
def test_no_text_keeps_a_processor_busy(text: str) -> None:
    began_at = time.process_time()
    assert cited(text) == set()
    assert time.process_time() - began_at < 2


FOUND = {"hits": [{"id": "doc_7", "n": 1}, {"order_id": 12, "url": "https://x.y/z"}], "ids": ["no"]}


@pytest.mark.parametrize(
    "answer",
    ["[doc_7]", "[12]", "[c1]", "[1]", "[call_1]", "(source: https://x.y/z)", "no citation", {"a": "[c1]"}],
)  # fmt: skip
def test_what_a_tool_returned_may_be_cited(answer: object) -> None:
    told = work(by_model(cites=True), ran("c1", FOUND), answered(answer, position=3))
    said = checked(told)
    # The plan is not in this history, so it is cut; see below.
    assert said is None


def test_what_no_tool_returned_is_sent_back_by_name() -> None:
    history = (planned(call("c1")), ran("c1", FOUND), failed("c2", "timeout", position=2))
    told = work(by_model(cites=True), *history, answered("[doc_8] [c2] [0] [doc_7]", position=3))
    said = checked(told)
    assert said == Judged(
        verdict=Verdict.REPLAN, reason="the answer cites what no tool returned: 0, c2, doc_8"
    )
    assert checked(work(by_model(), *history, answered("[doc_8]", position=3))) is None


def test_citations_of_a_job_too_long_to_be_seen_whole_are_let_pass_and_that_is_said() -> None:
    told = work(by_model(cites=True), ran("c1", FOUND), answered("[doc_8]", position=3))
    assert checked(told) is None
    assert "not checked" in accepted(told, "[doc_8]").degraded


LOOKS = Course(repeats={repeat_key("look", b'{"word":"a"}'): 4})


def test_a_model_that_plans_the_same_call_once_too_often_is_told() -> None:
    plan = planned(call("c", word="a"))
    said = checked(work(by_model(), plan, course=LOOKS))
    assert said is not None
    assert said.verdict is Verdict.REPLAN
    assert "'look' was planned 4 times with the same arguments" in said.reason
    assert checked(work(by_model(), planned(call("c", word="b")), course=LOOKS)) is None
    assert checked(work(by_model(limits=Limits(max_repeats=4)), plan, course=LOOKS)) is None


def test_a_function_may_call_in_a_loop() -> None:
    assert checked(work(by_function(), planned(call("c", word="a")), course=LOOKS)) is None


ASKED = judged(1, verdict="ask", question="sure?")


def test_what_a_person_answers_to_a_verdict_is_for_the_planner() -> None:
    answer = ran("", {"answer": "yes"}, name=ASK_PERSON, position=2)
    said = checked(work(by_model(), planned(call("c")), ASKED, answer))
    assert said == Judged(verdict=Verdict.CONTINUE, reason="a person has answered")


def test_without_an_answer_the_job_cannot_go_on() -> None:
    silence = failed("", "timed_out", name=ASK_PERSON, position=2)
    said = checked(work(by_model(), planned(call("c")), ASKED, silence))
    assert said == Judged(verdict=Verdict.FAIL, reason="nobody answered: timed_out")


def test_a_question_of_the_plan_is_answered_like_any_other_call() -> None:
    for id_ in ("c", ""):
        answer = ran(id_, {"answer": "yes"}, name=ASK_PERSON)
        assert checked(work(by_model(), planned(call(id_, ASK_PERSON)), answer)) is None


def test_a_function_that_asked_looks_at_the_answer_itself() -> None:
    agent = by_function(evaluate=lambda _: Answer(1))
    assert checked(work(agent, ASKED, ran("", "yes", name=ASK_PERSON, position=2))) is None
