"""The prompts of an agent by purpose, with its variables filled in."""

from agent_workers.domain.agents.agent import Agent, Purpose
from agent_workers.domain.agents.prompt import filled


def rendered(agent: Agent, purpose: Purpose) -> str:
    """Return what a model is told for a purpose; the same for every job of a version.

    The job's input is no variable: it reaches the model as data, never among the instructions.
    """
    return filled(agent.prompts.get(purpose.value, agent.instructions), agent.variables)
