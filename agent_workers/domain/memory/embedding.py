"""Turning texts into vectors, so that what means the same can be found: what tools ask for."""

from collections.abc import Sequence
from typing import Protocol

from agent_workers.domain.errors import FacilityAway, FacilityError
from agent_workers.domain.tools.facility import Facility


class NotEmbedded(FacilityError):
    """These texts cannot be turned into vectors, however often it is tried."""

    code = "not_embedded"


class EmbeddingAway(FacilityAway):
    """Whoever turns texts into vectors does not answer now."""

    code = "embedding_away"


class Embedder(Facility, Protocol):
    """Vectors of unit length, all of one model; those of two models are never compared."""

    @property
    def model(self) -> str:
        """The name that is stored beside each vector; other weights have another name."""
        ...

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Return a vector for each text, in their order; a blank one raises `NotEmbedded`."""
        ...
