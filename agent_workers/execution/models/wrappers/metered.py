"""A wrapper that keeps calls within the provider's quotas, which all workers share."""

import random
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from agent_workers.domain.models.quota import Room
from agent_workers.execution.models.failures import ErrorClass, ModelFailed
from agent_workers.execution.models.named.prices import bytes_of
from agent_workers.execution.models.ports import Model, Quotas
from agent_workers.execution.models.values import ModelReply, ModelRequest

# Longer waits get a due time instead: nobody holds a worker for them.
PATIENCE_S: Final = 2.0
# English prose has four bytes to the token; what was really used is settled afterwards.
_BYTES_PER_TOKEN: Final = 4


class Metered:
    """Waits a moment for room, or says when to come back; one 429 cools the model for everybody."""

    def __init__(
        self,
        model: Model,
        *,
        quotas: Quotas,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._model = model
        self._quotas = quotas
        self._sleep = sleep
        self._jitter = jitter

    def complete(self, request: ModelRequest, *, deadline_s: float) -> ModelReply:
        """Make the call once there is room for it."""
        tokens = bytes_of(request) // _BYTES_PER_TOKEN + request.max_output_tokens
        patience_s = min(PATIENCE_S, deadline_s / 2)
        room = self._quotas.reserve(request.model, tokens=tokens, patience_s=patience_s)
        if not room.granted:
            raise self._full(request, room)
        if room.wait_s > 0:
            self._sleep(room.wait_s)
        try:
            reply = self._model.complete(request, deadline_s=deadline_s - room.wait_s)
        except ModelFailed as failed:
            self._settle_failed(request, failed, tokens)
            raise
        used = reply.usage.input + reply.usage.output
        self._quotas.settle(request.model, reserved=tokens, used=used or tokens)
        return reply

    def _full(self, request: ModelRequest, room: Room) -> ModelFailed:
        # Spread, or all that were refused together would come back together.
        wait_s = room.wait_s * (1 + 0.25 * self._jitter())
        return ModelFailed(
            ErrorClass.RATE_LIMIT,
            f"the quota of {request.model!r} had no room within {PATIENCE_S:g} s",
            retry_after=timedelta(seconds=wait_s),
            parks_on=f"quota:{request.model}",
        )

    def _settle_failed(self, request: ModelRequest, failed: ModelFailed, tokens: int) -> None:
        """What may have been billed stays taken; a 429 lets nobody else in for a while."""
        if failed.spent.cost_micro == 0:
            self._quotas.release(request.model, reserved=tokens)
        if failed.error_class is not ErrorClass.RATE_LIMIT:
            return
        asked_s = failed.retry_after.total_seconds() if failed.retry_after else None
        cooled_s = self._quotas.cool(request.model, seconds=asked_s)
        if cooled_s is not None:
            failed.retry_after = timedelta(seconds=cooled_s)
            failed.parks_on = f"quota:{request.model}"


class NoQuotas:
    """The quotas of a process that shares none: there is always room."""

    def reserve(self, model: str, *, tokens: int, patience_s: float) -> Room:  # noqa: ARG002
        return Room(granted=True)

    def settle(self, model: str, *, reserved: int, used: int) -> None:
        """Nothing was taken."""

    def release(self, model: str, *, reserved: int) -> None:
        """Nothing was taken."""

    def cool(self, model: str, *, seconds: float | None) -> float | None:  # noqa: ARG002
        return None
