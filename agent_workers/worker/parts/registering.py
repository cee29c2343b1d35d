"""What a worker tells the API of the agents that it serves."""

from agent_workers.execution.agents.definitions import definition_of
from agent_workers.execution.agents.registry import LoadedAgent, Registry
from agent_workers.state.catalogue.agents import Registered
from agent_workers.worker.parts.agent_book import traits_of


def registered(registry: Registry) -> list[Registered]:
    """What the API must know of the agents that this worker serves."""
    return [_registered(agent) for agent in registry.agents]


def _registered(agent: LoadedAgent) -> Registered:
    traits = traits_of(agent)
    return Registered(
        name=traits.name,
        version=agent.declared.version,
        plan_timeout_ms=traits.plan_timeout_ms,
        plan_hold_micro=traits.plan_hold_micro,
        definition=definition_of(agent),
    )
