"""The gateway against a real HTTP server: one call each, the right class, the deadline kept."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta

import psutil
import pytest

from agent_workers.domain.budget import Usage
from agent_workers.execution.models.failures import ErrorClass, ModelFailed, ModelUnpriced
from agent_workers.execution.models.litellm.gateway import LiteLLMGateway
from agent_workers.execution.models.values import Message, ToolCallWish
from tests.integration.models.gateway import ADD, gateway_to, request
from tests.integration.models.server import ERRORS, Provider, running_provider

MODES = ("ok", "together", "refusal", "tools", "cut", "nochoice", "nousage", "garbage", "hangup")
HANGING = ("stall", "drip")


@pytest.fixture(scope="module")
def both() -> Iterator[tuple[Provider, LiteLLMGateway]]:
    with ExitStack() as stack:
        provider = stack.enter_context(running_provider())
        gateway = stack.enter_context(gateway_to(provider.base, *ERRORS, *MODES, *HANGING))
        gateway.complete(request(model="openai/ok"), deadline_s=30)
        yield provider, gateway


@pytest.fixture
def provider(both: tuple[Provider, LiteLLMGateway]) -> Provider:
    both[0].calls.clear()
    both[0].bodies.clear()
    return both[0]


@pytest.fixture
def gateway(both: tuple[Provider, LiteLLMGateway]) -> LiteLLMGateway:
    return both[1]


def test_half_a_character_in_what_a_tool_gave_does_not_end_the_job(
    gateway: LiteLLMGateway, provider: Provider
) -> None:
    told = Message(role="user", content="the tool gave \ud800")
    gateway.complete(replace(request(model="openai/ok"), messages=(told,)), deadline_s=30)
    assert "'the tool gave ?'" in str(provider.bodies[-1]["messages"])


@pytest.mark.parametrize(
    ("mode", "error_class"),
    [
        ("r429", ErrorClass.RATE_LIMIT),
        ("quota", ErrorClass.QUOTA),
        ("r500", ErrorClass.SERVER_ERROR),
        ("r502", ErrorClass.SERVER_ERROR),
        ("r503", ErrorClass.OVERLOADED),
        ("r401", ErrorClass.AUTH),
        ("r403", ErrorClass.AUTH),
        ("r404", ErrorClass.NOT_FOUND),
        ("r400", ErrorClass.BAD_REQUEST),
        ("window", ErrorClass.CONTEXT_WINDOW),
        ("policy", ErrorClass.CONTENT_POLICY),
        ("nochoice", ErrorClass.MALFORMED),
        ("garbage", ErrorClass.MALFORMED),
        ("hangup", ErrorClass.CONNECTION),
        ("stall", ErrorClass.TIMEOUT),
        ("drip", ErrorClass.TIMEOUT),
    ],
)
def test_a_failure_is_one_http_call_and_has_its_class(provider, gateway, mode, error_class) -> None:
    deadline_s = 1.0 if mode in HANGING else 30.0
    with pytest.raises(ModelFailed) as failed:
        gateway.complete(request(model=f"openai/{mode}"), deadline_s=deadline_s)
    assert failed.value.error_class is error_class
    assert f"model 'openai/{mode}'" in failed.value.said
    assert "litellm" not in str(failed.value)
    assert provider.calls == [mode]


def test_the_provider_says_when_to_come_back(gateway) -> None:
    with pytest.raises(ModelFailed) as failed:
        gateway.complete(request(model="openai/r429"), deadline_s=5)
    assert failed.value.retry_after == timedelta(seconds=7)
    assert failed.value.as_broke(worst_case_micro=99).retry_after_s == 7


def test_a_body_that_drips_is_cut_at_the_deadline(gateway) -> None:
    began = time.monotonic()
    with pytest.raises(ModelFailed, match="gave no whole answer within"):
        gateway.complete(request(model="openai/drip"), deadline_s=0.4)
    assert 0.4 <= time.monotonic() - began < 10  # it would drip for an hour


def test_cached_tokens_are_priced_as_cached_in_whole_micro_dollars(provider, gateway) -> None:
    reply = gateway.complete(request(model="openai/ok"), deadline_s=5)
    # 400 x 1 + 600 x 0.1 + 100 x 4
    assert reply.usage == Usage(
        input=1_000, cached=600, output=100, reasoning=40, cost_micro=860, calls=1
    )
    assert (reply.cost_micro, reply.price_version, reply.model) == (860, "test", "reported")
    assert provider.calls == ["ok"]


def test_without_a_usage_the_worst_case_is_booked(gateway) -> None:
    asked = request(model="openai/nousage")
    assert gateway.complete(asked, deadline_s=5).cost_micro == gateway.worst_case_micro(asked)


def test_tool_calls_come_back_as_they_were_written(provider, gateway) -> None:
    reply = gateway.complete(request(model="openai/tools", tools=(ADD,)), deadline_s=30)
    assert reply.tool_calls == (ToolCallWish(id="c1", name="add", arguments_json='{"a": 1}'),)
    assert provider.bodies[0]["tools"] == [
        {
            "type": "function",
            "function": {"name": "add", "description": "Adds.", "parameters": ADD.parameters},
        }
    ]


@pytest.mark.parametrize(("mode", "reason"), [("refusal", "refusal"), ("cut", "length")])
def test_a_refusal_and_a_cut_answer_are_replies_that_say_so(gateway, mode, reason) -> None:
    reply = gateway.complete(request(model=f"openai/{mode}"), deadline_s=5)
    assert reply.finish_reason == reason


def test_an_unpriced_model_is_refused_before_anything_is_sent(provider, gateway) -> None:
    with pytest.raises(ModelUnpriced):
        gateway.complete(request(model="openai/unknown"), deadline_s=5)
    assert provider.calls == []


def test_our_own_words_stay_on_our_side(provider, gateway) -> None:
    gateway.complete(request(model="openai/ok"), deadline_s=5)
    assert provider.bodies[0].keys() == {"model", "messages", "max_tokens"}


def test_two_hundred_threads_call_at_once(provider, gateway) -> None:
    provider.together = threading.Barrier(200)
    with ThreadPoolExecutor(200) as callers:
        ask = [
            callers.submit(gateway.complete, request(model="openai/together"), deadline_s=90)
            for _ in range(200)
        ]
        assert all(reply.result().text == "hello" for reply in ask)
    assert len(provider.calls) == 200


def test_a_hundred_timeouts_leave_no_descriptor_open(gateway) -> None:
    process = psutil.Process()

    def time_out(_: int) -> None:
        with pytest.raises(ModelFailed, match="gave no whole answer within"):
            gateway.complete(request(model="openai/stall"), deadline_s=0.2)

    def ours() -> int:
        # The server under test runs in this process, too: count the client's ends only.
        return sum(getattr(c.raddr, "port", None) == port for c in process.net_connections("tcp"))

    port = int(gateway._access["openai"].api_base.split(":")[2].split("/")[0])
    with ThreadPoolExecutor(20) as threads:
        list(threads.map(time_out, range(20)))
        before = ours()
        list(threads.map(time_out, range(100)))
    ends_at = time.monotonic() + 10
    while (left := ours()) > before + 5 and time.monotonic() < ends_at:
        time.sleep(0.05)
    assert left <= before + 5
