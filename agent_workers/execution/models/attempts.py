"""Makes the model of one attempt of a step: what is shared by a process, wrapped for this attempt."""

from dataclasses import dataclass

from agent_workers.domain.agent import Agent
from agent_workers.domain.claim import Claimed
from agent_workers.execution.models.capped import Capped
from agent_workers.execution.models.ladder import Ladder
from agent_workers.execution.models.ports import Model
from agent_workers.execution.models.prices import PriceTable


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptModels:
    model: Model
    prices: PriceTable

    def of(self, claimed: Claimed, agent: Agent) -> Model:
        """Wrap the gateway for one attempt: the agent's ladder, within the step's hold."""
        return Ladder(self._capped(claimed), choose=agent.ladder, rung=claimed.course.rung)

    def _capped(self, claimed: Claimed) -> Model:
        if claimed.hold_micro == 0:
            return self.model
        return Capped(self.model, prices=self.prices, held_micro=claimed.hold_micro)


@dataclass(frozen=True, slots=True)
class JustOne:
    """Gives every attempt the same model, whatever its agent declares; for tests and trials."""

    model: Model

    def of(self, claimed: Claimed, agent: Agent) -> Model:  # noqa: ARG002 - all get the same
        return self.model
