"""Embeddings by any provider of litellm's, under the rules of the gateway.

One owner of retries (ours), one loop per process, deadlines in all and not per socket read, and
no model without a price.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from agent_workers.domain.memory.embedding import EmbeddingAway, NotEmbedded
from agent_workers.execution.embedding.units import refuse_no_texts, unit
from agent_workers.execution.models.failures import ModelFailed
from agent_workers.execution.models.litellm.classify import failure_of
from agent_workers.execution.models.litellm.loop_thread import LoopThread
from agent_workers.execution.models.litellm.shape import Embedded, LiteLLM
from agent_workers.execution.models.named.access import Access
from agent_workers.execution.models.named.prices import PriceTable

_AT_ONCE: Final = 64  # texts in one request: every provider takes so many
_DEADLINE_S: Final = 20.0  # for all of them, below the time-out of a tool
_SOCKET_READ_S: Final = 600.0  # as the gateway's own


class LiteLLMEmbedder:
    """Asks one embedding model; many threads may call it at once."""

    def __init__(
        self,
        model: str,
        *,
        litellm: LiteLLM,
        prices: PriceTable,
        loop: LoopThread,
        access: Access | None = None,
        deadline_s: float = _DEADLINE_S,
    ) -> None:
        prices.of(model)  # refuse before anything is spent
        self._model = model
        self._litellm = litellm
        self._loop = loop
        self._access = access or Access()
        self._deadline_s = deadline_s

    @property
    def model(self) -> str:
        return self._model

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Return a vector for each text, or raise what a tool may raise."""
        refuse_no_texts(texts)
        try:
            return self._loop.run(lambda: self._all(texts), deadline_s=self._deadline_s)
        except NotEmbedded:
            raise
        except TimeoutError:
            raise EmbeddingAway(
                f"{self._model} gave no answer within {self._deadline_s} s"
            ) from None
        # litellm raises whatever its 100 providers raise; an edge that has to take it all.
        except Exception as error:
            failed = failure_of(error, model=self._model, hidden=self._access.hidden)
            raise _as_tool_error(failed) from error

    async def _all(self, texts: Sequence[str]) -> list[list[float]]:
        found: list[list[float]] = []
        for start in range(0, len(texts), _AT_ONCE):
            part = list(texts[start : start + _AT_ONCE])
            answer = await self._litellm.aembedding(**self._arguments(part))
            found += _vectors(answer, len(part))
        return found

    def _arguments(self, texts: list[str]) -> dict[str, object]:
        return {
            "model": self._model,
            "input": texts,
            "timeout": _SOCKET_READ_S,
            "num_retries": 0,
            "max_retries": 0,
            "drop_params": True,
            **self._access.arguments,
        }


def _vectors(answer: Embedded, wanted: int) -> list[list[float]]:
    """Read the vectors in the order of the texts: providers number them, and may not sort them."""
    rows = [row if isinstance(row, Mapping) else vars(row) for row in answer.data]
    ordered = sorted(rows, key=lambda row: int(str(row.get("index", 0))))
    found = [unit(_numbers(row.get("embedding"))) for row in ordered]
    if len(found) != wanted:
        raise NotEmbedded(f"the model returned {len(found)} vectors for {wanted} texts")
    return found


def _numbers(written: object) -> list[float]:
    if not isinstance(written, list) or not all(isinstance(x, int | float) for x in written):
        raise NotEmbedded("the model returned something that is not a vector")
    return written


def _as_tool_error(failed: ModelFailed) -> NotEmbedded | EmbeddingAway:
    return EmbeddingAway(str(failed)) if failed.retryable else NotEmbedded(str(failed))
