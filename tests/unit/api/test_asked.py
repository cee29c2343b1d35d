"""What is wrong with a body is told in plain sentences, however much it is."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field

from api.batches import bodies as batch_asked
from api.http.asked import JobRequest, VerdictRequest, passed_of, validated
from api.problems import MOST_MISTAKES, Problem
from api.schedules import bodies as schedule_asked
from api.sessions import bodies as session_asked
from api.triggers import bodies as event_intake_asked
from api.webhooks import bodies as webhook_asked


class Numbers(BaseModel):
    numbers: list[Annotated[int, Field(gt=0)]]


def test_of_very_many_mistakes_the_first_are_told():
    with pytest.raises(Problem) as caught:
        validated(Numbers, {"numbers": [0] * 1_000})
    assert len(caught.value.mistakes) == MOST_MISTAKES


def test_a_body_of_thousands_of_members_is_one_mistake():
    with pytest.raises(Problem, match="members") as caught:
        validated(JobRequest, {str(number): 0 for number in range(9_000)})
    assert len(caught.value.mistakes) == 1


# Of pydantic, and of our Python; templates that were not filled in.
OUR_WORDS = re.compile(r"Asked|Input should|instance of|valid \w+$|\{\w+\}")
NOW = datetime(2030, 1, 1, tzinfo=UTC)
JOB = {"agent": "weather", "input": "Lisbon"}


def said(model: type[BaseModel], body: object) -> str:
    with pytest.raises(Problem) as caught:
        validated(model, body)
    return caught.value.detail


@pytest.mark.parametrize("body", [None, [], "x", 7])
def test_a_body_that_is_no_object_is_told_what_one_looks_like(body: object):
    assert said(JobRequest, body) == (
        'The body must be a JSON object like {"agent": …, "input": …}.'
    )


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"agent": 7}, "/agent: must be text, not 7"),
        ({"agent": ["x"]}, "/agent: must be text, not a list"),
        ({"agent": ""}, "/agent: must have 1 or more characters"),
        ({"dead_line": 5}, "/dead_line: is not known here; did you mean 'deadline'?"),
        ({"priority": 101}, "/priority: must be at most 100, not 101"),
        ({"priority": "high"}, '/priority: must be a whole number, not "high"'),
        ({"priority": True}, "/priority: must be a whole number, not true"),
        ({"delay": "1"}, '/delay: must be a number, not "1"'),
        ({"deadline": -5}, "/deadline: must be more than 0 seconds from now, not -5"),
        ({"deadline": 1e12}, "/deadline: must be at most a year"),
        ({"deadline": "soon"}, "/deadline: must be a time like 2030-01-31T12:00:00Z"),
        ({"deadline": "2030-01-31T12:00:00"}, "/deadline: must say its time zone"),
        ({"run_at": "2026-02-30T00:00:00Z"}, "/run_at: '2026-02-30T00:00:00Z' is not a time that"),
        (
            {"on_busy": "wait"},
            """/on_busy: must be 'queue', 'reject' or 'interrupt', not "wait\"""",
        ),
        ({"user_id": "a b"}, "/user_id: must be 1 to 200 visible ASCII characters"),
        ({"metadata": {"a": 1}}, "/metadata/a: must be text, not 1"),
        ({"metadata": []}, "/metadata: must be an object, not a list"),
        ({"max_cost_usd": 0}, "/max_cost_usd: must be more than 0 and at most 999999, not 0"),
    ],
)
def test_each_mistake_is_a_sentence_with_its_place(members: dict[str, Any], words: str):
    assert said(JobRequest, JOB | members).startswith(words)


def test_what_is_missing_is_named_with_how_much_else_is_wrong():
    assert said(JobRequest, {}) == "/agent: is required (and 1 more)"
    misspelled = said(JobRequest, {"agent": "x", "inptu": "x"})
    assert misspelled == "/inptu: is not known here; did you mean 'input'? (and 1 more)"


def test_our_own_validators_speak_for_themselves():
    told = said(session_asked.MessageRequest, {"role": "tool", "content": "x"})
    assert told == "the role `tool` needs a `call_id`, and no other role may have one"


def _bodies() -> list[type[BaseModel]]:
    modules = (batch_asked, event_intake_asked, schedule_asked, session_asked, webhook_asked)
    found: set[type[BaseModel]] = {JobRequest, VerdictRequest}
    for module in modules:
        found |= {
            one
            for one in vars(module).values()
            if isinstance(one, type) and issubclass(one, BaseModel) and one.model_fields
        }
    return sorted(found, key=str)


@pytest.mark.parametrize("model", _bodies(), ids=str)
def test_no_body_is_answered_with_the_words_of_our_code(model: type[BaseModel]):
    strange: list[object] = [None, 7, "\t", [], {}, [{}], {"a": {}}, -1, 1.5, "x" * 3_000]
    bodies = [dict.fromkeys(model.model_fields, value) | {"no_such": 1} for value in strange]
    for body in (None, *bodies):
        with pytest.raises(Problem) as caught:
            validated(model, body)
        for one in caught.value.mistakes:
            assert not OUR_WORDS.search(one.detail), one.detail


@pytest.mark.parametrize(
    ("times", "pointer"),
    [
        ({"run_at": "2029-12-31T23:58:00Z"}, "/run_at"),
        ({"deadline": "2020-01-01T00:00:00Z"}, "/deadline"),
    ],
)
def test_a_time_that_has_passed_is_told_with_the_time_it_is(times: Any, pointer: str):
    late = passed_of(validated(JobRequest, JOB | times), NOW)
    assert late is not None
    assert late.mistakes[0].pointer == pointer
    assert late.detail.endswith("has passed: it is 2030-01-01T00:00:00Z now")


def test_a_caller_whose_clock_is_slow_may_start_a_job_at_once():
    late = (NOW - timedelta(seconds=30)).isoformat()
    assert passed_of(validated(JobRequest, JOB | {"run_at": late}), NOW) is None
    assert passed_of(validated(JobRequest, JOB | {"deadline": 5}), NOW) is None
