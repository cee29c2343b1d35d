"""Tells litellm of models that it would ask their server about, in the middle of a call."""

from collections.abc import Iterable, Mapping
from typing import Final

from agent_workers.execution.models.litellm.shape import LiteLLM

# Of a model of Ollama's that is not in its list, litellm asks the server whether it takes tools,
# by a call that blocks the loop on which all calls of the process are made.
_ASKED_ABOUT: Final = ("ollama", "ollama_chat")
# Prices of zero: ours count.
_MODEL: Final[Mapping[str, object]] = {
    "litellm_provider": "ollama",
    "mode": "chat",
    "input_cost_per_token": 0.0,
    "output_cost_per_token": 0.0,
    "supports_function_calling": True,
}


def make_known(litellm: LiteLLM, models: Iterable[str]) -> None:
    """Put models into litellm's list; it asks nobody."""
    named = [model for model in models if model.partition("/")[0] in _ASKED_ABOUT]
    litellm.model_cost.update({model: dict(_MODEL) for model in named})
