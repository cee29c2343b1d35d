"""The scripted model through the true litellm path, its faults included."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from agent_workers.domain.budget import Usage
from agent_workers.domain.step import Planned, ToolCall, Verdict
from agent_workers.execution.evaluator.by_model import EvaluateRequest, Opinion, evaluate
from agent_workers.execution.models.failures import ErrorClass, ModelFailed
from agent_workers.execution.models.litellm import classify
from agent_workers.execution.models.scripted.files import load_script
from agent_workers.execution.planner.by_model import PlanRequest, plan
from agent_workers.execution.planner.situations import CalledTool, Turn
from tests.integration.models.gateway import request, scripted_gateway, the_litellm
from tests.support.offers import OFFER


def fault(kind: str, more: str = "") -> str:
    return f"scenarios:\n  - fault: {{kind: {kind}{more}}}\n    reply: {{text: a whole answer}}\n"


@pytest.mark.parametrize(
    ("kind", "error_class"),
    [
        ("rate_limit", ErrorClass.RATE_LIMIT),
        ("overloaded", ErrorClass.OVERLOADED),
        ("timeout", ErrorClass.TIMEOUT),
        ("endless", ErrorClass.TIMEOUT),
        ("connection", ErrorClass.CONNECTION),
        ("auth", ErrorClass.AUTH),
        ("quota", ErrorClass.QUOTA),
        ("not_found", ErrorClass.NOT_FOUND),
        ("bad_request", ErrorClass.BAD_REQUEST),
    ],
)
def test_a_scripted_fault_has_the_class_of_a_real_one(kind, error_class) -> None:
    with scripted_gateway(fault(kind)) as gateway, pytest.raises(ModelFailed) as failed:
        gateway.complete(request(), deadline_s=0.3)
    assert failed.value.error_class is error_class


@pytest.mark.parametrize(
    ("more", "wait"), [("", None), (", retry_after_s: 3", timedelta(seconds=3))]
)
def test_a_scripted_rate_limit_may_say_when_to_come_back(more, wait) -> None:
    with scripted_gateway(fault("rate_limit", more)) as gateway, pytest.raises(ModelFailed) as failed:  # fmt: skip
        gateway.complete(request(), deadline_s=5)
    assert failed.value.retry_after == wait


@pytest.mark.parametrize(
    ("kind", "finish_reason", "text"),
    [
        ("truncated", "length", "a whole"),
        ("refusal", "refusal", "scripted refusal"),
        ("malformed", "stop", '{"half": '),
    ],
)
def test_a_spoiled_answer_is_a_reply(kind, finish_reason, text) -> None:
    with scripted_gateway(fault(kind)) as gateway:
        reply = gateway.complete(request(), deadline_s=5)
    assert (reply.finish_reason, reply.text) == (finish_reason, text)


def test_a_fault_that_passes_is_over_after_its_times() -> None:
    rows = "scenarios:\n  - {fault: {kind: overloaded}, times: 1}\n  - {reply: {text: back}}\n"
    with scripted_gateway(rows) as gateway:
        with pytest.raises(ModelFailed, match="overloaded"):
            gateway.complete(request(), deadline_s=5)
        assert gateway.complete(request(), deadline_s=5).text == "back"


def test_scripted_usage_is_priced_like_any_other() -> None:
    rows = "scenarios:\n  - reply: {text: a, usage: {input: 100, cached: 60, output: 10}}\n"
    with scripted_gateway(rows) as gateway:
        reply = gateway.complete(request(), deadline_s=5)
    assert reply.usage == Usage(input=100, cached=60, output=10, cost_micro=40 + 6 + 40, calls=1)


def test_latency_holds_nobody_else_up() -> None:
    rows = "scenarios:\n  - {latency_ms: 500, reply: {text: a}}\n"
    with scripted_gateway(rows) as gateway, ThreadPoolExecutor(200) as threads:
        gateway.complete(request(), deadline_s=5)
        began = time.monotonic()
        replies = [threads.submit(gateway.complete, request(), deadline_s=30) for _ in range(200)]
        assert all(reply.result().text == "a" for reply in replies)
    assert time.monotonic() - began < 10  # in turn they would take 100 s


def test_the_default_script_plans_a_call_and_then_answers_and_accepts() -> None:
    with scripted_gateway(load_script()) as gateway:
        asked = PlanRequest(model="scripted/small", goal='use add {"a": 1}', offer=OFFER)
        first = plan(gateway, asked, deadline_s=5)
        assert isinstance(first, Planned)
        call_id = first.calls[0].call_id
        assert first.calls == (ToolCall(tool="add", arguments=b'{"a":1}', call_id=call_id),)
        called = CalledTool(
            id=call_id, name="add", arguments_json='{"a":1}', result_json='{"sum":3}'
        )
        asked = PlanRequest(
            model=asked.model, goal=asked.goal, offer=OFFER, turns=(Turn(called=(called,)),)
        )
        second = plan(gateway, asked, deadline_s=5)
        assert isinstance(second, Planned)
        assert second.answer == b'"{\\"sum\\":3}"'
        to_judge = EvaluateRequest(
            model="scripted/small", goal="add", results_json="[]", draft=second.answer
        )
        opinion = evaluate(gateway, to_judge, deadline_s=5)
    assert isinstance(opinion, Opinion)
    assert (opinion.verdict, opinion.answer) == (Verdict.ACCEPT, None)


def test_every_exception_that_is_classified_by_name_is_one_of_litellms() -> None:
    exceptions = the_litellm().exceptions  # type: ignore[attr-defined] # only this test looks at it
    assert [name for name in classify.BY_NAME if not hasattr(exceptions, name)] == []
