"""Loads what calls models, once per worker and only when an agent that it serves uses one."""

import threading
from collections.abc import Callable
from dataclasses import replace

from agent_workers.domain.agents.agent import Agent
from agent_workers.domain.claim import Claimed
from agent_workers.execution.agents.registry import Registry
from agent_workers.execution.model_steps import ModelSteps
from agent_workers.execution.models.litellm.gateway import LiteLLMGateway
from agent_workers.execution.models.litellm.loading import load_litellm
from agent_workers.execution.models.litellm.loop_thread import LoopThread
from agent_workers.execution.models.named.catalog import ModelCatalog
from agent_workers.execution.models.ports import Breakers, Model
from agent_workers.execution.models.scripted.files import load_script
from agent_workers.execution.models.scripted.provider import register_scripted
from agent_workers.execution.models.wrappers.attempts import AttemptModels
from agent_workers.execution.models.wrappers.begun import BeginCall, unwritten
from agent_workers.execution.models.wrappers.behind_breaker import AlwaysClosed
from agent_workers.orchestration.patience import patiently
from agent_workers.settings import Settings
from agent_workers.state.steps.calls import Calls
from agent_workers.transport.shared.model_cache import RedisAnswers
from agent_workers.transport.shared.model_deltas import RedisDeltas
from agent_workers.transport.shared.model_quotas import RedisQuotas
from agent_workers.transport.shared.model_redis import AwayOrNot

_PATIENCE_S = 20.0


def uses_models(registry: Registry) -> bool:
    return any(agent.uses_model for agent in registry.agents)


def model_steps(
    registry: Registry,
    settings: Settings,
    catalog: ModelCatalog,
    breakers: Breakers | None = None,
    begin: BeginCall = unwritten,
) -> ModelSteps:
    """Return the way to models, loaded now or when an agent that is applied later needs one."""
    if uses_models(registry):
        return _loaded(settings, catalog, breakers, begin)
    late = LateModels(lambda: _loaded(settings, catalog, breakers, begin))
    return ModelSteps(models=late, close=late.close)


def patient(calls: Calls) -> BeginCall:
    """Write a call down before it begins, as long as Postgres is worth waiting for."""

    def begin(claimed: Claimed, worst_micro: int) -> bool:
        return patiently(lambda: calls.begin(claimed, worst_micro), seconds=_PATIENCE_S)

    return begin


def _loaded(
    settings: Settings, catalog: ModelCatalog, breakers: Breakers | None, begin: BeginCall
) -> ModelSteps:
    litellm = load_litellm()
    prices, quotas = catalog.prices, catalog.quotas(settings.model_quotas)
    register_scripted(litellm, load_script(*settings.scenario), models=catalog.provider_models)
    loop = LoopThread()
    gateway = LiteLLMGateway(litellm=litellm, prices=prices, loop=loop, access=catalog.access)
    models = AttemptModels(
        model=gateway,
        prices=prices,
        named=catalog.named,
        breakers=breakers or AlwaysClosed(),
        begin=begin,
    )
    if not settings.redis_url:
        return ModelSteps(models=models, close=loop.close)
    redis = AwayOrNot(settings.redis_url)
    deltas = RedisDeltas(settings.redis_url, pepper=settings.secret_pepper)
    shared = replace(
        models,
        quotas=RedisQuotas(redis, quotas, catalog.shares),
        answers=RedisAnswers(redis, pepper=settings.secret_pepper),
        deltas=deltas,
    )

    def close() -> None:
        loop.close()
        deltas.close()

    return ModelSteps(models=shared, close=close)


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
