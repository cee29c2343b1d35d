"""A wrapper that lets a model spend no more than what its step has been granted."""

from agent_workers.domain.budget import NO_USAGE
from agent_workers.execution.models.failures import ErrorClass, ModelFailed
from agent_workers.execution.models.named.prices import PriceTable
from agent_workers.execution.models.ports import Model
from agent_workers.execution.models.values import ModelReply, ModelRequest


class Capped:
    """Refuses a call whose worst case does not fit what is left; one per attempt of a step."""

    def __init__(self, model: Model, *, prices: PriceTable, held_micro: int) -> None:
        self._model = model
        self._prices = prices
        self._held_micro = held_micro
        self._spent = NO_USAGE

    def complete(self, request: ModelRequest, *, deadline_s: float) -> ModelReply:
        """Make the call if its worst case can be paid."""
        left = self._held_micro - self._spent.cost_micro
        worst = self._prices.worst_case_micro(request)
        if worst > left:
            message = f"the call may cost {worst} micro-USD, and this step has {left} left"
            raise ModelFailed(ErrorClass.BUDGET, message)
        try:
            reply = self._model.complete(request, deadline_s=deadline_s)
        except ModelFailed as failed:
            self._spent += failed.spent
            raise
        self._spent += reply.usage
        return reply
