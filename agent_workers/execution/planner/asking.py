"""Asks a model for a plan; one that stays unusable is an invalid plan, not a failed step."""

from collections.abc import Callable
from dataclasses import replace

from agent_workers.domain.step import GaveUp, Planned
from agent_workers.execution.models.ports import Model
from agent_workers.execution.models.values import ModelReply, ModelRequest
from agent_workers.execution.models.wrappers.usable import NeverUsable, ask_until_usable


def asked_for_plan(
    model: Model,
    request: ModelRequest,
    read: Callable[[ModelReply], Planned | GaveUp],
    *,
    deadline_s: float,
) -> Planned | GaveUp:
    """Return what `read` made of a reply, or the problems that two repairs left."""
    try:
        said = ask_until_usable(model, request, read, deadline_s=deadline_s)
    except NeverUsable as never:
        return Planned(calls=(), problems=(never.reason,), usage=never.spent)
    if isinstance(said.value, GaveUp):
        return replace(said.value, usage=said.usage, model=said.model)
    return replace(said.value, usage=said.usage, model=said.model, degraded=said.degraded)


class Rationed:
    """Refuses a call that the job's limit leaves no room for; one per attempt of a step."""

    def __init__(self, model: Model, *, calls: int) -> None:
        self._model = model
        self._left = calls

    def complete(self, request: ModelRequest, *, deadline_s: float) -> ModelReply:
        """Make the call if there is one left."""
        if self._left <= 0:
            raise NeverUsable("there is no model call left to correct the last answer")
        self._left -= 1
        return self._model.complete(request, deadline_s=deadline_s)
