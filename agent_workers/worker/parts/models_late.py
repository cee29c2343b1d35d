"""Models that are loaded when an agent first asks for one: it may be applied after its worker started."""

import threading
from collections.abc import Callable

from agent_workers.domain.agents.agent import Agent
from agent_workers.domain.claim import Claimed
from agent_workers.execution.model_steps import ModelSteps
from agent_workers.execution.models.ports import Model


class LateModels:
    def __init__(self, load: Callable[[], ModelSteps]) -> None:
        self._load = load
        self._lock = threading.Lock()
        self._loaded: ModelSteps | None = None

    def of(self, claimed: Claimed, agent: Agent) -> Model:
        """Make the model of one attempt of a step; the first one waits until models are loaded."""
        with self._lock:
            if self._loaded is None:
                self._loaded = self._load()
        return self._loaded.models.of(claimed, agent)

    def close(self) -> None:
        if self._loaded is not None:
            self._loaded.close()
