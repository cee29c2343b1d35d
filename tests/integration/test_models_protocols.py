"""What `models.yaml` names, asked over HTTP: each provider's path, key, body, stream and tool call."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from agent_workers.domain.model_settings import ModelSettings
from agent_workers.execution.models.catalog import ModelCatalog, catalog_of
from agent_workers.execution.models.failures import ErrorClass, ModelFailed
from agent_workers.execution.models.litellm_gateway import LiteLLMGateway
from agent_workers.execution.models.loop_thread import LoopThread
from agent_workers.execution.models.values import ModelReply
from tests.integration.models_gateway import ADD, request, the_litellm
from tests.integration.models_protocols import Answer, Providers, running_providers

# litellm looks at a field that pydantic has deprecated, at each piece.
pytestmark = pytest.mark.filterwarnings("ignore:Accessing the 'model_")
AWS = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI-K7MDENG")
KEYS = {"KEY": "a-key-of-ours", "ACME_KEY": "the-key-of-acme"}
WARM = ModelSettings(temperature=0.5, max_output_tokens=77)
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
FILE = """\
models:
  openai:
    model: openai/gpt-4o
    address: BASE/v1
    key: {env: KEY}
    tenants: {acme: {key: {env: ACME_KEY}}, lost: {key: {env: NOWHERE}}}
  thinker: {model: openai/gpt-5-mini, address: BASE/v1, key: {env: KEY}}
  vllm:
    model: hosted_vllm/qwen3
    address: BASE/v1
    prices: {input: 0, output: 0}
    defaults: {extra: {top_k: 40}}
  azure:
    model: azure/my-gpt
    address: BASE
    key: {env: KEY}
    prices: {input: 1, output: 1}
    defaults: {extra: {api_version: 2024-10-21}}
  anthropic: {model: anthropic/claude-haiku-4-5, address: BASE, key: {env: KEY}}
  ollama: {model: ollama_chat/llama3.2, address: BASE, prices: {input: 0, output: 0}}
  bedrock: &none
    model: bedrock/anthropic.claude-3-haiku-20240307-v1:0
    address: BASE
    prices: {input: 1, output: 1}
    defaults: {extra: {aws_region_name: eu-central-1}}
  bearer:
    model: bedrock/anthropic.claude-3-haiku-20240307-v1:0
    address: BASE
    key: {env: KEY}
    prices: {input: 1, output: 1}
    defaults: {extra: {aws_region_name: eu-central-1}}
"""


class Asking:
    """A gateway as a worker has it, and the server that it asks."""

    def __init__(self, server: Providers, catalog: ModelCatalog, gateway: LiteLLMGateway) -> None:
        self.server = server
        self.catalog = catalog
        self.gateway = gateway

    def ask(
        self, name: str, settings: ModelSettings = WARM, *, tenant: str = "", **more: Any
    ) -> ModelReply:
        asked = self.catalog.named.prepared(request(model=name, **more), settings, tenant=tenant)
        return self.gateway.complete(asked, deadline_s=30)

    def fails(self, name: str, settings: ModelSettings = WARM, *, tenant: str = "") -> ModelFailed:
        with pytest.raises(ModelFailed) as caught:
            self.ask(name, settings, tenant=tenant)
        return caught.value


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    with running_providers() as server, closing(LoopThread()) as loop:
        file: Path = tmp_path_factory.mktemp("models") / "models.yaml"
        file.write_text(FILE.replace("BASE", server.base).replace("&none", ""))
        catalog = catalog_of(file, KEYS)
        yield Asking(
            server,
            catalog,
            LiteLLMGateway(
                litellm=the_litellm(), prices=catalog.prices, loop=loop, access=catalog.access
            ),
        )


@pytest.fixture
def asking(whole: Asking, monkeypatch: pytest.MonkeyPatch) -> Asking:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", str(AWS.access_key))
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", str(AWS.secret_key))
    whole.server.asked.clear()
    whole.server.refusal = None
    return whole


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


def test_a_reply_says_our_name_and_what_served_it(asking: Asking) -> None:
    assert asking.ask("openai").model == "openai (openai/served)"


def test_a_tenants_calls_are_made_with_its_own_key(asking: Asking) -> None:
    reply = asking.ask("openai", tenant="acme")
    assert asking.server.asked[0].headers["authorization"] == "Bearer the-key-of-acme"
    assert reply.model == "openai@acme (openai/served)"


def test_a_tenant_whose_key_is_missing_is_not_given_anothers(
    asking: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "everybodys")
    failed = asking.fails("openai", tenant="lost")
    assert failed.error_class is ErrorClass.AUTH
    assert "model 'openai@lost' has no key: set NOWHERE" in str(failed)
    assert asking.server.asked == []


def test_a_key_of_the_provider_is_not_told_to_an_address_of_ones_own(
    asking: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOSTED_VLLM_API_KEY", "everybodys")
    monkeypatch.setenv("OLLAMA_API_KEY", "everybodys")
    asking.ask("vllm")
    asking.ask("ollama")
    assert "everybodys" not in str([asked.headers for asked in asking.server.asked])


def test_a_key_that_a_provider_repeats_is_in_no_failure(asking: Asking) -> None:
    error = b'{"error": {"message": "no such key: a-key-of-ours", "code": "invalid_api_key"}}'
    asking.server.refusal = Answer([error], status=401)
    failed = asking.fails("openai")
    assert failed.error_class is ErrorClass.AUTH
    assert "no such key: ***" in str(failed)


@pytest.mark.parametrize("name", ["openai", "azure", "anthropic", "ollama", "bedrock"])
def test_a_429_says_when_to_come_back(asking: Asking, name: str) -> None:
    body = b'{"error": {"message": "slow down"}, "message": "slow down"}'
    asking.server.refusal = Answer([body], status=429, headers={"retry-after": "7"})
    failed = asking.fails(name)
    assert failed.error_class is ErrorClass.RATE_LIMIT
    assert failed.retry_after is not None
    assert failed.retry_after.total_seconds() == 7


def test_what_a_model_does_not_take_is_said_and_nothing_is_sent(asking: Asking) -> None:
    failed = asking.fails("thinker")
    assert failed.error_class is ErrorClass.UNSUPPORTED
    assert "temperature=0.5" in str(failed)
    assert "take it out of model_settings or models.yaml" in str(failed)
    assert asking.server.asked == []
