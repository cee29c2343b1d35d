"""Chooses the embedder that a setting names, and loads it when it is first asked."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from agent_workers.domain.memory.embedding import Embedder, NotEmbedded
from agent_workers.execution.embedding.hashed import HashedEmbedder
from agent_workers.execution.models.litellm.embedding import LiteLLMEmbedder
from agent_workers.execution.models.litellm.loading import load_litellm
from agent_workers.execution.models.litellm.loop_thread import LoopThread
from agent_workers.execution.models.named.catalog import ModelCatalog, catalog_of
from agent_workers.execution.models.named.configured import state_of_model
from agent_workers.execution.models.scripted.files import load_script
from agent_workers.execution.models.scripted.provider import PROVIDER, register_scripted

# Those that need neither litellm nor a network.
OFFLINE: Final = frozenset({"wordllama", "hashed"})
_NO_VARIABLES: Final[Mapping[str, str]] = {}


def embedder_of(
    name: str, *, scenario: Sequence[Path] = (), catalog: ModelCatalog | None = None
) -> Embedder:
    """Return the embedder of `AGENT_EMBEDDING_MODEL`; nothing is loaded before it is asked."""
    match name:
        case "wordllama":
            return LateEmbedder(None, _wordllama)
        case "hashed":
            return HashedEmbedder()
        case _:
            known = catalog or catalog_of(None, _NO_VARIABLES)
            # Vectors are known by the model that made them, under whatever name it was asked.
            model = named.model if (named := known.named.find(name)) else name
            return LateEmbedder(model, lambda: _by_litellm(name, scenario, known))


class LateEmbedder:
    """Loads litellm, or NumPy, for the first text: most processes never embed one."""

    def __init__(self, model: str | None, load: Callable[[], Embedder]) -> None:
        self._model = model
        self._load = load
        self._lock = threading.Lock()
        self._loaded: Embedder | None = None

    @property
    def model(self) -> str:
        return self._model or self._once().model

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Return a vector for each text, in their order."""
        return self._once().embed(texts)

    def _once(self) -> Embedder:
        with self._lock:
            if self._loaded is None:
                self._loaded = self._load()
            return self._loaded


def _wordllama() -> Embedder:
    from agent_workers.execution.embedding.wordllama import (  # noqa: PLC0415 - imports NumPy
        WordLlamaEmbedder,
    )

    return WordLlamaEmbedder()


def _by_litellm(name: str, scenario: Sequence[Path], catalog: ModelCatalog) -> Embedder:
    state = state_of_model(name, catalog)
    # A key may also come from where only the provider's library looks.
    if state.price is None or (state.named and state.problem):
        raise NotEmbedded(f"AGENT_EMBEDDING_MODEL: {state.problem}")
    litellm = load_litellm()
    if state.model.startswith(f"{PROVIDER}/"):
        register_scripted(litellm, load_script(*scenario), models=catalog.provider_models)
    return LiteLLMEmbedder(
        state.model,
        litellm=litellm,
        prices=replace(catalog.prices, prices={state.model: state.price}),
        loop=LoopThread(),
        access=catalog.access.get(name),
    )
