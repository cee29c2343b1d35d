"""A wrapper that has the worst case of each call written down before the call is made."""

from collections.abc import Callable

from agent_workers.domain.claim import Claimed
from agent_workers.execution.models.failures import ErrorClass, ModelFailed
from agent_workers.execution.models.named.prices import PriceTable
from agent_workers.execution.models.ports import Model
from agent_workers.execution.models.values import ModelReply, ModelRequest

# False: the budgets of the job's tenant cannot pay for it.
BeginCall = Callable[[Claimed, int], bool]


class Begun:
    """For steps for which nothing is held: a call that dies with its worker is booked all the same."""

    def __init__(
        self, model: Model, *, prices: PriceTable, claimed: Claimed, begin: BeginCall
    ) -> None:
        self._model = model
        self._prices = prices
        self._claimed = claimed
        self._begin = begin

    def complete(self, request: ModelRequest, *, deadline_s: float) -> ModelReply:
        """Write down what the call may cost at most, and make it."""
        worst = self._prices.worst_case_micro(request)
        if not self._begin(self._claimed, worst):
            message = f"the call may cost {worst} micro-USD, and a budget has less than that left"
            raise ModelFailed(ErrorClass.BUDGET, message)
        return self._model.complete(request, deadline_s=deadline_s)


def unwritten(claimed: Claimed, worst_micro: int) -> bool:  # noqa: ARG001 - nobody keeps it
    """Write nothing down; for trials, whose calls nobody pays for."""
    return True
