"""A deterministic embedder that knows words only by their spelling: for tests, and for speed."""

import hashlib
import re
from collections.abc import Sequence
from typing import Final

from agent_workers.execution.embedding.units import refuse_no_texts, unit

_WORD: Final = re.compile(r"\w+")


class HashedEmbedder:
    """Two texts are as near as they share words; it needs no weights, and is always the same."""

    def __init__(self, *, dimensions: int = 64, model: str = "hashed") -> None:
        self._dimensions = dimensions
        self._model = f"{model}/{dimensions}"

    @property
    def model(self) -> str:
        return self._model

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Return a vector for each text, in their order."""
        refuse_no_texts(texts)
        return [self._vector(text) for text in texts]

    def _vector(self, text: str) -> list[float]:
        counts = [0.0] * self._dimensions
        for word in _WORD.findall(text.casefold()) or [text]:
            digest = hashlib.sha256(word.encode(errors="surrogatepass")).digest()
            place = int.from_bytes(digest[:4]) % self._dimensions
            counts[place] += 1.0 if digest[4] & 1 else -1.0
        return unit(counts if any(counts) else [1.0] * self._dimensions)
