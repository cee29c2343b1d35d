"""What every `Model` promises, whatever stands between it and its provider."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta

import pytest

from agent_workers.execution.models.failures import ErrorClass, ModelFailed
from agent_workers.execution.models.ports import Model
from tests.contract.models_world import LADDERS, PRICES, PROVIDERS, WRAPPERS, made
from tests.integration.models.gateway import ADD, request

Made = Callable[[str], AbstractContextManager[Model]]


@pytest.fixture(
    params=[(provider, wrapper) for provider in PROVIDERS for wrapper in WRAPPERS],
    ids=", ".join,
)
def model_of(request: pytest.FixtureRequest) -> Made:
    provider, wrapper = request.param
    return lambda rows: made(provider, wrapper, rows)


def test_it_says_what_the_script_says_and_counts_one_call(model_of: Made) -> None:
    with model_of("scenarios: [{reply: {text: one two}}]") as model:
        reply = model.complete(request(), deadline_s=5)
    assert (reply.text, reply.finish_reason, reply.degraded) == ("one two", "stop", "")
    assert (reply.usage.calls, reply.usage.cost_micro > 0) == (1, True)


def test_it_wishes_for_tools(model_of: Made) -> None:
    rows = "scenarios: [{reply: {tool_calls: [{name: add, arguments: {a: 1}}]}}]"
    with model_of(rows) as model:
        reply = model.complete(request(tools=(ADD,)), deadline_s=5)
    assert [(c.name, c.arguments_json) for c in reply.tool_calls] == [("add", '{"a": 1}')]
    assert reply.finish_reason == "tool_calls"


def test_a_refusal_is_a_reply(model_of: Made) -> None:
    with model_of("scenarios: [{fault: {kind: refusal, message: not this}}]") as model:
        reply = model.complete(request(), deadline_s=5)
    assert (reply.finish_reason, reply.text) == ("refusal", "not this")


@pytest.mark.parametrize(
    "kind", ["overloaded", "server_error", "auth", "quota", "not_found", "context_window"]
)
def test_a_failure_has_its_class_and_counts_its_call(model_of: Made, kind: str) -> None:
    with (
        model_of(f"scenarios: [{{fault: {{kind: {kind}}}}}]") as model,
        pytest.raises(ModelFailed) as failed,
    ):
        model.complete(request(), deadline_s=5)
    assert failed.value.error_class is ErrorClass(kind)
    assert failed.value.spent.calls == 1


def test_a_rate_limit_says_when_to_come_back(model_of: Made) -> None:
    with (
        model_of("scenarios: [{fault: {kind: rate_limit, retry_after_s: 30}}]") as model,
        pytest.raises(ModelFailed) as failed,
    ):
        model.complete(request(), deadline_s=5)
    assert failed.value.retry_after == timedelta(seconds=30)


def test_it_is_over_at_its_deadline_and_books_the_worst_case(model_of: Made) -> None:
    asked, began = request(), time.monotonic()
    with (
        model_of("scenarios: [{fault: {kind: endless}}]") as model,
        pytest.raises(ModelFailed) as failed,
    ):
        model.complete(asked, deadline_s=0.3)
    assert time.monotonic() - began < 10
    assert failed.value.error_class is ErrorClass.TIMEOUT
    assert failed.value.spent.cost_micro == PRICES.worst_case_micro(asked)
    assert not failed.value.may_have_cost  # or the hold would be booked once more


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("wrapper", sorted(set(WRAPPERS) - LADDERS))
def test_a_model_without_a_price_is_refused_before_anything_is_sent(
    provider: str, wrapper: str
) -> None:
    with (
        made(provider, wrapper, "scenarios: [{reply: {text: free}}]") as model,
        pytest.raises(ModelFailed) as failed,
    ):
        model.complete(request(model="scripted/free"), deadline_s=5)
    assert (failed.value.error_class, failed.value.spent.calls) == (ErrorClass.UNPRICED, 0)
