"""A gateway as a worker has it from `models.yaml`, and a server that speaks as all its providers."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from botocore.credentials import Credentials

from agent_workers.domain.models.settings import ModelSettings
from agent_workers.execution.models.failures import ModelFailed
from agent_workers.execution.models.litellm.gateway import LiteLLMGateway
from agent_workers.execution.models.litellm.loop_thread import LoopThread
from agent_workers.execution.models.named.catalog import ModelCatalog, catalog_of
from agent_workers.execution.models.values import ModelReply
from tests.integration.models.gateway import request, the_litellm
from tests.integration.models.protocols import Providers, running_providers

AWS = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI-K7MDENG")
KEYS = {"KEY": "a-key-of-ours", "ACME_KEY": "the-key-of-acme"}
WARM = ModelSettings(temperature=0.5, max_output_tokens=77)
FILE = """\
models:
  openai:
    model: openai/gpt-4o
    address: BASE/v1
    key: {env: KEY}
    tenants: {acme: {key: {env: ACME_KEY}}, lost: {key: {env: NOWHERE}}}
  embed: {model: openai/text-embedding-3-small, address: BASE/v1, key: {env: KEY}}
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
  bedrock:
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

    def __init__(
        self, server: Providers, catalog: ModelCatalog, gateway: LiteLLMGateway, *, file: Path
    ) -> None:
        self.server = server
        self.file = file
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
        file.write_text(FILE.replace("BASE", server.base))
        catalog = catalog_of(file, KEYS)
        gateway = LiteLLMGateway(
            litellm=the_litellm(), prices=catalog.prices, loop=loop, access=catalog.access
        )
        yield Asking(server, catalog, gateway, file=file)


@pytest.fixture
def asking(whole: Asking, monkeypatch: pytest.MonkeyPatch) -> Asking:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", str(AWS.access_key))
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", str(AWS.secret_key))
    whole.server.asked.clear()
    whole.server.refusal = None
    return whole
