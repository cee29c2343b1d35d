"""Chooses the embedder that a setting names, and loads it when it is first asked."""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from agent_workers.domain.embedding import Embedder, NotEmbedded
from agent_workers.execution.embedding.hashed import HashedEmbedder
from agent_workers.execution.embedding.wordllama import WordLlamaEmbedder
from agent_workers.execution.models.litellm_embedding import LiteLLMEmbedder
from agent_workers.execution.models.litellm_loading import load_litellm
from agent_workers.execution.models.loop_thread import LoopThread
from agent_workers.execution.models.prices import default_prices
from agent_workers.execution.models.scenario_files import load_script
from agent_workers.execution.models.scripted import PROVIDER, register_scripted

# Those that need neither litellm nor a network.
OFFLINE: Final = frozenset({"wordllama", "hashed"})


def embedder_of(name: str, *, scenario: Sequence[Path] = ()) -> Embedder:
    """Return the embedder of `AGENT_EMBEDDING_MODEL`; nothing is loaded before it is asked."""
    match name:
        case "wordllama":
            return WordLlamaEmbedder()
        case "hashed":
            return HashedEmbedder()
        case _:
            return LateEmbedder(name, lambda: _by_litellm(name, scenario))


class LateEmbedder:
    """Loads litellm for the first text: most processes never embed one."""

    def __init__(self, model: str, load: Callable[[], Embedder]) -> None:
        self._model = model
        self._load = load
        self._lock = threading.Lock()
        self._loaded: Embedder | None = None

    @property
    def model(self) -> str:
        return self._model

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Return a vector for each text, in their order."""
        with self._lock:
            if self._loaded is None:
                self._loaded = self._load()
        return self._loaded.embed(texts)


def _by_litellm(model: str, scenario: Sequence[Path]) -> Embedder:
    prices = default_prices()
    if model not in prices.prices:
        raise NotEmbedded(f"AGENT_EMBEDDING_MODEL: {model!r} is not in the price table")
    litellm = load_litellm()
    if model.startswith(f"{PROVIDER}/"):
        register_scripted(litellm, load_script(*scenario), models=tuple(prices.prices))
    return LiteLLMEmbedder(model, litellm=litellm, prices=prices, loop=LoopThread())
