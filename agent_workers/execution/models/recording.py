"""The way to real models for whoever records them: opened when first asked, closed at the end."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agent_workers.execution.models.litellm_gateway import LiteLLMGateway
from agent_workers.execution.models.litellm_loading import load_litellm
from agent_workers.execution.models.loop_thread import LoopThread
from agent_workers.execution.models.prices import default_prices
from agent_workers.execution.models.scenario_files import load_script
from agent_workers.execution.models.scripted import register_scripted


@contextmanager
def real_models(*scenarios: Path) -> Iterator[LiteLLMGateway]:
    """Open the gateway; models named `scripted/…` answer as these scenarios say."""
    litellm, prices, loop = load_litellm(), default_prices(), LoopThread()
    register_scripted(litellm, load_script(*scenarios), models=tuple(prices.prices))
    try:
        yield LiteLLMGateway(litellm=litellm, prices=prices, loop=loop)
    finally:
        loop.close()
