"""The way to real models for whoever records them: opened when first asked, closed at the end."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from agent_workers.execution.models.litellm.gateway import LiteLLMGateway
from agent_workers.execution.models.litellm.loading import load_litellm
from agent_workers.execution.models.litellm.loop_thread import LoopThread
from agent_workers.execution.models.named.catalog import ModelCatalog
from agent_workers.execution.models.named.models import NamedModels
from agent_workers.execution.models.ports import Model
from agent_workers.execution.models.scripted.files import load_script
from agent_workers.execution.models.scripted.provider import register_scripted
from agent_workers.execution.models.values import ModelReply, ModelRequest


@dataclass(frozen=True, slots=True)
class _Named:
    """Asks the model that a name of `models.yaml` stands for, with the defaults of the file."""

    model: Model
    named: NamedModels

    def complete(self, request: ModelRequest, *, deadline_s: float) -> ModelReply:
        asked = self.named.prepared(request, request.settings)
        return self.model.complete(asked, deadline_s=deadline_s)


@contextmanager
def real_models(catalog: ModelCatalog, *scenarios: Path) -> Iterator[Model]:
    """Open the gateway; models named `scripted/…` answer as these scenarios say."""
    litellm, loop = load_litellm(), LoopThread()
    register_scripted(litellm, load_script(*scenarios), models=catalog.provider_models)
    gateway = LiteLLMGateway(
        litellm=litellm, prices=catalog.prices, loop=loop, access=catalog.access
    )
    try:
        yield _Named(gateway, catalog.named)
    finally:
        loop.close()
