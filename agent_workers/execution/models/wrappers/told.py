"""A wrapper that tells whoever watches a job what its model says, while it says it."""

from collections.abc import Callable
from itertools import count
from typing import Final, Protocol

from agent_workers.domain.claim import Claimed
from agent_workers.domain.models.delta import Delta
from agent_workers.execution.models.ports import Deltas, Model
from agent_workers.execution.models.values import ModelReply, ModelRequest

# What people read; a verdict is JSON for the evaluator.
_READ: Final = frozenset({"plan", "summarise"})


class StreamingModel(Model, Protocol):
    def stream(
        self, request: ModelRequest, *, deadline_s: float, say: Callable[[str], None]
    ) -> ModelReply:
        """Complete, and say each piece of the text as it comes."""
        ...


class Told:
    """Streams what is for people; each provider call of the attempt begins the text anew."""

    def __init__(self, model: StreamingModel, *, deltas: Deltas, claimed: Claimed) -> None:
        self._model = model
        self._deltas = deltas
        self._claimed = claimed
        self._calls = count()
        self._is_silent = False

    def complete(self, request: ModelRequest, *, deadline_s: float) -> ModelReply:
        """Make the call, telling its text on the way."""
        call = next(self._calls)
        if request.purpose not in _READ or request.is_private or self._is_silent:
            return self._model.complete(request, deadline_s=deadline_s)

        def say(text: str) -> None:
            self._deltas.say(
                Delta(
                    job_id=self._claimed.job_id,
                    position=self._claimed.position,
                    attempt=self._claimed.fence,
                    call=call,
                    text=text,
                )
            )

        reply = self._model.stream(request, deadline_s=deadline_s, say=say)
        # litellm 1.106 loses refusals that are streamed. The empty answer that is left of one is
        # sent back as unusable; asked for as a whole then, it is a refusal.
        self._is_silent = not (reply.text or reply.tool_calls)
        return reply


class NobodyWatches:
    """Tells nobody: what is used when there is no Redis."""

    def say(self, delta: Delta) -> None:
        """Forget it."""
