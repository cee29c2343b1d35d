"""The one thing planners and evaluators need of a model."""

from typing import Protocol

from agent_workers.execution.models.values import ModelReply, ModelRequest


class Model(Protocol):
    def complete(self, request: ModelRequest, *, deadline_s: float) -> ModelReply:
        """Make exactly one provider call within `deadline_s`, or raise `ModelFailed`."""
        ...
