"""The exact cache: who may share an answer, which answers are kept, and one asker at a time."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from agent_workers.domain.budget import NO_USAGE
from agent_workers.execution.models.failures import ErrorClass, ModelFailed
from agent_workers.execution.models.values import (
    Message,
    ModelReply,
    ModelRequest,
    ResponseSchema,
    ToolSchema,
)
from agent_workers.execution.models.wrappers.answers_in_memory import AnswersInMemory
from agent_workers.execution.models.wrappers.cached import Cached, Scope
from tests.unit.execution.models.fakes import SaidModel, said, wish

ADD = ToolSchema(name="add", description="Adds.", parameters={"type": "object"})
ASKED = ModelRequest(
    model="p/m",
    messages=(Message(role="user", content="hi"),),
    max_output_tokens=10,
    purpose="plan",
)
SCOPE = Scope(tenant="acme", agent="a", version="1")


def cached(
    model: SaidModel, answers: AnswersInMemory, *, scope: Scope = SCOPE, fresh: bool = False
) -> Cached:
    return Cached(model, answers=answers, scope=scope, fresh=fresh)


def test_the_same_question_costs_nothing_the_second_time() -> None:
    answers, model = AnswersInMemory(), SaidModel(said("yes"))
    first = cached(model, answers).complete(ASKED, deadline_s=1)
    again = cached(model, answers).complete(ASKED, deadline_s=1)
    assert (first.usage.cost_micro, again.usage) == (7, NO_USAGE)
    assert replace(again, usage=first.usage) == first


@pytest.mark.parametrize(
    "other",
    [
        replace(ASKED, model="p/other"),
        replace(ASKED, messages=(Message(role="user", content="hi!"),)),
        replace(ASKED, max_output_tokens=11),
        replace(ASKED, tools=(ADD,)),
        replace(ASKED, response_schema=ResponseSchema(name="r", schema={})),
    ],
    ids=["model", "messages", "parameters", "tools", "schema"],
)
def test_another_question_is_asked(other: ModelRequest) -> None:
    answers, model = AnswersInMemory(), SaidModel(said("{}"), said('{"b": 1}'))
    cached(model, answers).complete(ASKED, deadline_s=1)
    assert cached(model, answers).complete(other, deadline_s=1).text == '{"b": 1}'


@pytest.mark.parametrize(
    "other",
    [replace(SCOPE, tenant="other"), replace(SCOPE, agent="b"), replace(SCOPE, version="2")],
)
def test_no_other_tenant_agent_or_version_sees_an_answer(other: Scope) -> None:
    answers, model = AnswersInMemory(), SaidModel(said("mine"), said("theirs"))
    cached(model, answers).complete(ASKED, deadline_s=1)
    assert cached(model, answers, scope=other).complete(ASKED, deadline_s=1).text == "theirs"


@pytest.mark.parametrize(
    "spoiled",
    [
        said("cut", finish_reason="length"),
        said("no", finish_reason="refusal"),
        said(" "),
        said("", wish("unknown", "{}")),
        said("", wish("add", '{"a": ')),
        said("", wish("add", "[]")),
    ],
)
def test_an_answer_that_cannot_be_used_is_not_kept(spoiled: ModelReply) -> None:
    answers, model = AnswersInMemory(), SaidModel(spoiled, said("better"))
    asked = replace(ASKED, tools=(ADD,))
    cached(model, answers).complete(asked, deadline_s=1)
    assert cached(model, answers).complete(asked, deadline_s=1).text == "better"


def test_text_that_is_not_the_json_that_was_asked_for_is_not_kept() -> None:
    answers, model = AnswersInMemory(), SaidModel(said("fine"), said('{"a": 1}'))
    asked = replace(ASKED, response_schema=ResponseSchema(name="r", schema={}))
    cached(model, answers).complete(asked, deadline_s=1)
    assert cached(model, answers).complete(asked, deadline_s=1).text == '{"a": 1}'


def test_another_attempt_asks_anew_because_the_kept_answer_led_nowhere() -> None:
    answers, model = AnswersInMemory(), SaidModel(said("useless"), said("better"))
    cached(model, answers).complete(ASKED, deadline_s=1)
    assert cached(model, answers, fresh=True).complete(ASKED, deadline_s=1).text == "better"
    assert cached(model, answers).complete(ASKED, deadline_s=1).text == "better"


def test_fifty_equal_questions_at_once_are_one_call() -> None:
    answers, slow = AnswersInMemory(), Slow(0.2)
    with ThreadPoolExecutor(50) as threads:
        asking = [
            threads.submit(Cached(slow, answers=answers, scope=SCOPE).complete, ASKED, deadline_s=5)
            for _ in range(50)
        ]
    assert {one.result().text for one in asking} == {"slowly"}
    assert slow.calls == 1
    assert sum(one.result().usage.cost_micro for one in asking) == 7


def test_when_the_asker_fails_the_next_one_asks() -> None:
    answers = AnswersInMemory()
    model = SaidModel(ModelFailed(ErrorClass.OVERLOADED, "no"), said("yes"))
    with pytest.raises(ModelFailed):
        cached(model, answers).complete(ASKED, deadline_s=1)
    assert cached(model, answers).complete(ASKED, deadline_s=1).text == "yes"


def test_when_the_asker_dies_another_takes_over() -> None:
    answers = AnswersInMemory(lead_s=0.2)
    answers.lead(SCOPE.key_of(ASKED))  # and is never heard of again
    assert cached(SaidModel(said("yes")), answers).complete(ASKED, deadline_s=20).text == "yes"


def test_nobody_waits_for_another_beyond_its_own_deadline_and_it_costs_nothing() -> None:
    answers = AnswersInMemory()
    answers.lead(SCOPE.key_of(ASKED))
    began = time.monotonic()
    with pytest.raises(ModelFailed) as failed:
        cached(SaidModel(), answers).complete(ASKED, deadline_s=0.2)
    assert time.monotonic() - began < 3  # and not until the lead of the other is over
    assert (failed.value.retryable, failed.value.spent, failed.value.may_have_cost) == (
        True,
        NO_USAGE,
        False,
    )


class Slow:
    """Takes its time, and counts how often it is asked."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self.calls = 0

    def complete(self, request: ModelRequest, *, deadline_s: float) -> ModelReply:  # noqa: ARG002
        with self._lock:
            self.calls += 1
        time.sleep(self._seconds)
        return said("slowly")
