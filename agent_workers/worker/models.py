"""Loads what calls models, once per worker and only when an agent that it serves uses one."""

from collections.abc import Sequence
from pathlib import Path

from agent_workers.execution.model_steps import ModelSteps
from agent_workers.execution.models.attempts import AttemptModels
from agent_workers.execution.models.litellm_gateway import LiteLLMGateway
from agent_workers.execution.models.litellm_loading import load_litellm
from agent_workers.execution.models.loop_thread import LoopThread
from agent_workers.execution.models.prices import default_prices
from agent_workers.execution.models.scenario_files import load_script
from agent_workers.execution.models.scripted import register_scripted
from agent_workers.execution.registry import Registry


def uses_models(registry: Registry) -> bool:
    return any(agent.uses_model for agent in registry.agents)


def model_steps(registry: Registry, scenario: Sequence[Path]) -> ModelSteps | None:
    """Return the way to models, or None when no agent here needs one."""
    if not uses_models(registry):
        return None
    litellm = load_litellm()
    prices = default_prices()
    script = load_script(*scenario)
    register_scripted(litellm, script, models=tuple(prices.prices))
    loop = LoopThread()
    gateway = LiteLLMGateway(litellm=litellm, prices=prices, loop=loop)
    return ModelSteps(models=AttemptModels(model=gateway, prices=prices), close=loop.close)
