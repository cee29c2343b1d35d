"""Models for tests of what asks them."""

from dataclasses import dataclass

from agent_workers.domain.agents.agent import Agent
from agent_workers.domain.claim import Claimed
from agent_workers.execution.models.ports import Model


@dataclass(frozen=True, slots=True)
class JustOne:
    """Gives every attempt the same model, whatever its agent declares."""

    model: Model

    def of(self, claimed: Claimed, agent: Agent) -> Model:  # noqa: ARG002 (all get the same)
        return self.model
