"""Streams over real HTTP: put together to what a whole answer is, cut in time, paid for either way."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import psutil
import pytest

from agent_workers.execution.models.failures import ErrorClass, ModelFailed
from agent_workers.execution.models.litellm.gateway import LiteLLMGateway
from agent_workers.execution.models.values import ModelReply
from agent_workers.execution.models.wrappers.told import NobodyWatches, Told
from tests.contract.models_world import attempt
from tests.integration.models.gateway import ADD, gateway_to, request
from tests.integration.models.streams import Streaming, running_streams

# litellm's own, at the end of a stream; a warning would be an error here.
pytestmark = pytest.mark.filterwarnings("ignore:Accessing the 'model_")
MODES = ("ok", "tools", "refusal", "length", "nousage", "broken", "drip")


@pytest.fixture(scope="module")
def both() -> Iterator[tuple[Streaming, LiteLLMGateway]]:
    with ExitStack() as stack:
        server = stack.enter_context(running_streams())
        gateway = stack.enter_context(gateway_to(server.base, *MODES))
        streamed(gateway, "ok", deadline_s=30)
        yield server, gateway


@pytest.fixture
def gateway(both: tuple[Streaming, LiteLLMGateway]) -> LiteLLMGateway:
    both[0].bodies.clear()
    return both[1]


def streamed(
    gateway: LiteLLMGateway, mode: str, *, deadline_s: float = 20
) -> tuple[ModelReply, list[str]]:
    said: list[str] = []
    asked = request(model=f"openai/{mode}", tools=(ADD,) if mode == "tools" else ())
    return gateway.stream(asked, deadline_s=deadline_s, say=said.append), said


def test_a_stream_is_said_piece_by_piece_and_put_together(
    gateway: LiteLLMGateway, both: tuple[Streaming, LiteLLMGateway]
) -> None:
    reply, said = streamed(gateway, "ok")
    assert said == ["Half ", "an ", "answer"]
    assert (reply.text, reply.finish_reason) == ("Half an answer", "stop")
    assert (reply.usage.input, reply.usage.output, reply.usage.calls) == (1_000, 100, 1)
    assert reply.usage.cost_micro == 1_000 + 400
    assert len(both[0].bodies) == 1
    assert both[0].bodies[0]["stream_options"] == {"include_usage": True}


def test_calls_that_come_in_pieces_are_whole(gateway: LiteLLMGateway) -> None:
    reply, said = streamed(gateway, "tools")
    assert said == []
    assert [(c.id, c.name, c.arguments_json) for c in reply.tool_calls] == [
        ("c1", "add", '{"a": 1}'),
        ("c2", "add", "{}"),
    ]
    assert reply.finish_reason == "tool_calls"


def test_a_cut_is_known_in_a_stream_too(gateway: LiteLLMGateway) -> None:
    reply, _ = streamed(gateway, "length")
    assert (reply.text, reply.finish_reason) == ("Half ", "length")


def test_after_a_stream_that_said_nothing_the_next_call_is_asked_for_as_a_whole(
    gateway: LiteLLMGateway, both: tuple[Streaming, LiteLLMGateway]
) -> None:
    told = Told(gateway, deltas=NobodyWatches(), claimed=attempt())
    asked = request(model="openai/refusal")
    assert told.complete(asked, deadline_s=20).text == ""  # litellm drops what was refused
    with pytest.raises(ModelFailed):  # this server can only stream
        told.complete(asked, deadline_s=20)
    assert [body.get("stream", False) for body in both[0].bodies] == [True, False]


def test_a_stream_that_does_not_say_what_it_used_is_booked_at_its_worst(
    gateway: LiteLLMGateway,
) -> None:
    reply, _ = streamed(gateway, "nousage")
    assert reply.usage.cost_micro == gateway.worst_case_micro(request(model="openai/nousage"))


def test_a_stream_that_breaks_is_a_failure_that_may_have_cost(gateway: LiteLLMGateway) -> None:
    asked = request(model="openai/broken")
    said: list[str] = []
    with pytest.raises(ModelFailed) as failed:
        gateway.stream(asked, deadline_s=20, say=said.append)
    assert said == ["Half "]
    assert failed.value.retryable
    assert failed.value.spent.cost_micro == gateway.worst_case_micro(asked)


def test_a_stream_that_drips_is_cut_at_its_deadline(gateway: LiteLLMGateway) -> None:
    began = time.monotonic()
    with pytest.raises(ModelFailed) as failed:
        streamed(gateway, "drip", deadline_s=0.5)
    assert failed.value.error_class is ErrorClass.TIMEOUT
    assert time.monotonic() - began < 10  # it would drip for an hour


def test_fifty_cut_streams_leave_no_descriptor_open(
    gateway: LiteLLMGateway, both: tuple[Streaming, LiteLLMGateway]
) -> None:
    process, port = psutil.Process(), both[0].server_address[1]

    def cut(_: int) -> None:
        with pytest.raises(ModelFailed, match="gave no whole answer within"):
            streamed(gateway, "drip", deadline_s=0.3)

    def ours() -> int:
        # The server under test runs in this process, too: count the client's ends only.
        return sum(getattr(c.raddr, "port", None) == port for c in process.net_connections("tcp"))

    with ThreadPoolExecutor(10) as threads:
        list(threads.map(cut, range(50)))
    ends_at = time.monotonic() + 10
    while (left := ours()) > 5 and time.monotonic() < ends_at:
        time.sleep(0.05)
    assert left <= 5
