"""What all embedders share: which texts have a vector, and that each vector has length one."""

import math
from collections.abc import Sequence

from agent_workers.domain.memory.embedding import NotEmbedded


def refuse_no_texts(texts: Sequence[str]) -> None:
    """A blank text has no direction, and half a character is no text: providers refuse both."""
    for number, text in enumerate(texts):
        if not text.strip():
            raise NotEmbedded(f"text {number} is blank: nothing to embed")
        try:
            text.encode()
        except UnicodeEncodeError:
            raise NotEmbedded(f"text {number} has half a character: a lone surrogate") from None


def unit(vector: Sequence[float]) -> list[float]:
    """Scale to length one, so that cosine and dot product are the same everywhere."""
    length = math.sqrt(math.fsum(x * x for x in vector))
    if not math.isfinite(length) or length == 0:
        raise NotEmbedded("the vector of a text is zero, or not finite")
    return [float(x) / length for x in vector]
