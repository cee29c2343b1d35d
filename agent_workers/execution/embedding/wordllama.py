"""Embeddings offline: the weights that the wordllama wheel carries, read without its own loader.

Its loader looks for the tokenizer at a public host, and its modules set up logging for the whole
process; so nothing of it is imported. A vector is the mean of its tokens' vectors.
"""

import hashlib
import importlib.util
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load
from tokenizers import Tokenizer

from agent_workers.domain.memory.embedding import NotEmbedded
from agent_workers.domain.tools.facility import NotInstalled
from agent_workers.execution.embedding.units import refuse_no_texts, unit

_WEIGHTS: Final = "weights/l2_supercat_256.safetensors"
_TOKENIZER: Final = "tokenizers/l2_supercat_tokenizer_config.json"
_TENSOR: Final = "embedding.weight"


@dataclass(frozen=True, slots=True)
class _Loaded:
    model: str
    weights: npt.NDArray[np.float16]
    tokenizer: Tokenizer


class WordLlamaEmbedder:
    """Loads 16 MB when it is first asked, once; many threads may ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loaded: _Loaded | None = None

    @property
    def model(self) -> str:
        return self._once().model

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Return a unit vector for each text; the same text always gives the same one."""
        refuse_no_texts(texts)
        loaded = self._once()
        return [_vector(loaded, text) for text in texts]

    def _once(self) -> _Loaded:
        with self._lock:
            if self._loaded is None:
                self._loaded = _load(_folder())
            return self._loaded


def _vector(loaded: _Loaded, text: str) -> list[float]:
    # One by one: a batch would start threads of the library's own, which do not survive a fork.
    tokens = loaded.tokenizer.encode(text, add_special_tokens=False).ids
    if not tokens:
        raise NotEmbedded("a text has no word that the embedding knows")
    # By distinct tokens, so that memory is bounded by the vocabulary, however long the text is.
    distinct, counts = np.unique(np.array(tokens), return_counts=True)
    total = counts.astype(np.float32) @ loaded.weights[distinct].astype(np.float32)
    return unit(total.tolist())


def _load(folder: Path) -> _Loaded:
    try:
        raw = (folder / _WEIGHTS).read_bytes()
        tokenizer = Tokenizer.from_file(str(folder / _TOKENIZER))
    except OSError as error:
        raise NotInstalled(f"the wordllama package is incomplete: {error}") from None
    tokenizer.no_padding()
    tokenizer.no_truncation()
    # Part of the name, so that another release's weights are never compared with these.
    short = hashlib.sha256(raw).hexdigest()[:8]
    return _Loaded(f"wordllama/l2_supercat_256@{short}", load(raw)[_TENSOR], tokenizer)


def _folder() -> Path:
    found = importlib.util.find_spec("wordllama")  # finds the package without running it
    if found is None or not found.submodule_search_locations:
        raise NotInstalled(
            "the wordllama package is missing: install it, or set AGENT_EMBEDDING_MODEL"
        )
    return Path(found.submodule_search_locations[0])
