"""What `models.yaml` names, asked over HTTP: each provider's path, key, body, stream and tool call."""

from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from agent_workers.execution.models.failures import ErrorClass
from tests.integration.models.asking import AWS, WARM, Asking, asking, whole
from tests.integration.models.gateway import ADD, request
from tests.integration.models.protocols import Answer

__all__ = ["asking", "whole"]
# litellm looks at a field that pydantic has deprecated, at each piece.
pytestmark = pytest.mark.filterwarnings("ignore:Accessing the 'model_")
CONVERSE = "/model/anthropic.claude-3-haiku-20240307-v1%3A0/converse"
# By name: the path, the header of the key, and where the body says the longest answer.
WIRE: dict[str, tuple[str, tuple[str, str], tuple[str, ...]]] = {
    "openai": ("/v1/chat/completions", ("authorization", "Bearer a-key-of-ours"), ("max_tokens",)),
    "vllm": ("/v1/chat/completions", ("authorization", "Bearer none"), ("max_tokens",)),
    "azure": (
        "/openai/deployments/my-gpt/chat/completions?api-version=2024-10-21",
        ("api-key", "a-key-of-ours"),
        ("max_tokens",),
    ),
    "anthropic": ("/v1/messages", ("x-api-key", "a-key-of-ours"), ("max_tokens",)),
    "ollama": ("/api/chat", ("authorization", "Bearer none"), ("options", "num_predict")),
    "bedrock": (CONVERSE, ("authorization", ""), ("inferenceConfig", "maxTokens")),
    "bearer": (
        CONVERSE,
        ("authorization", "Bearer a-key-of-ours"),
        ("inferenceConfig", "maxTokens"),
    ),
}


@pytest.mark.parametrize("name", WIRE)
def test_a_call_has_the_providers_path_key_and_body(asking: Asking, name: str) -> None:
    reply = asking.ask(name)
    assert (reply.text, reply.usage.input, reply.usage.output) == ("hello", 10, 2)
    path, (header, key), place = WIRE[name]
    [asked] = asking.server.asked
    assert asked.path == path
    assert asked.headers[header].startswith(key)
    found: Any = asked.body
    for member in place:
        found = found[member]
    assert found == 77
    assert '"temperature": 0.5' in asked.raw.decode().replace('":0', '": 0')


@pytest.mark.parametrize("name", WIRE)
def test_a_stream_is_heard_piece_by_piece_and_says_what_it_used(asking: Asking, name: str) -> None:
    said: list[str] = []
    asked = asking.catalog.named.prepared(request(model=name), WARM)
    reply = asking.gateway.stream(asked, deadline_s=30, say=said.append)
    assert said == ["hel", "lo"]
    assert len(asking.server.asked) == 1
    assert (reply.text, reply.usage.input, reply.usage.output) == ("hello", 10, 2)


@pytest.mark.parametrize("name", WIRE)
def test_a_tool_is_offered_and_called_natively(asking: Asking, name: str) -> None:
    [wish] = asking.ask(name, tools=(ADD,)).tool_calls
    assert (wish.name, wish.arguments_json) == ("add", '{"a": 1}')
    assert [asked.path for asked in asking.server.asked] == [WIRE[name][0]]  # and nothing else


def test_a_request_to_bedrock_is_signed_for_its_region(asking: Asking) -> None:
    asking.ask("bedrock")
    [asked] = asking.server.asked
    signed = {
        "Content-Type": asked.headers["content-type"],
        "Host": asked.headers["host"],
        "X-Amz-Date": asked.headers["x-amz-date"],
    }
    url = asking.server.base + asked.path
    again = AWSRequest(method="POST", url=url, data=asked.raw, headers=signed)
    again.context["timestamp"] = asked.headers["x-amz-date"]
    auth = SigV4Auth(AWS, "bedrock", "eu-central-1")
    signature = auth.signature(auth.string_to_sign(again, auth.canonical_request(again)), again)
    assert asked.headers["authorization"].endswith(f"Signature={signature}")


def test_what_only_one_provider_takes_reaches_it(asking: Asking) -> None:
    asking.ask("vllm")
    assert asking.server.asked[0].body["top_k"] == 40


@pytest.mark.parametrize("name", ["openai", "azure", "anthropic", "ollama", "bedrock"])
def test_a_429_says_when_to_come_back(asking: Asking, name: str) -> None:
    body = b'{"error": {"message": "slow down"}, "message": "slow down"}'
    asking.server.refusal = Answer([body], status=429, headers={"retry-after": "7"})
    failed = asking.fails(name)
    assert failed.error_class is ErrorClass.RATE_LIMIT
    assert str(failed).startswith(f"model '{name}' failed: ")
    assert "slow down" in str(failed)
    assert "Exception" not in str(failed)
    assert "Error" not in str(failed)
    assert failed.retry_after is not None
    assert failed.retry_after.total_seconds() == 7


def test_what_a_model_does_not_take_is_said_and_nothing_is_sent(asking: Asking) -> None:
    failed = asking.fails("thinker")
    assert failed.error_class is ErrorClass.UNSUPPORTED
    assert "temperature=0.5" in str(failed)
    assert "take it out of model_settings or models.yaml" in str(failed)
    assert asking.server.asked == []
