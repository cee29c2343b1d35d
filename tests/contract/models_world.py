"""Every way to be a `Model` that ships: the gateway, its twin, and each wrapper around them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import uuid4

from agent_workers.domain.agents.agent import Agent
from agent_workers.domain.claim import Claimed
from agent_workers.domain.effect import EffectClass
from agent_workers.domain.ids import JobId, TenantId
from agent_workers.domain.step import Lane, StepKind
from agent_workers.execution.models.litellm.gateway import LiteLLMGateway
from agent_workers.execution.models.litellm.loop_thread import LoopThread
from agent_workers.execution.models.named.prices import PriceTable
from agent_workers.execution.models.ports import Model
from agent_workers.execution.models.scripted.files import parse_scenarios
from agent_workers.execution.models.scripted.in_memory import ScriptedModel
from agent_workers.execution.models.scripted.provider import register_scripted
from agent_workers.execution.models.scripted.script import Script
from agent_workers.execution.models.wrappers.answers_in_memory import AnswersInMemory
from agent_workers.execution.models.wrappers.attempts import AttemptModels
from agent_workers.execution.models.wrappers.behind_breaker import AlwaysClosed, BehindBreaker
from agent_workers.execution.models.wrappers.cached import Cached, Scope
from agent_workers.execution.models.wrappers.capped import Capped
from agent_workers.execution.models.wrappers.ladder import Ladder
from agent_workers.execution.models.wrappers.metered import Metered, NoQuotas
from agent_workers.execution.models.wrappers.told import NobodyWatches, StreamingModel, Told
from tests.integration.models.gateway import PRICE, the_litellm

SMALL, LARGE = "scripted/small", "scripted/large"
PRICES = PriceTable(version="test", prices={SMALL: PRICE, LARGE: PRICE})
HOLD = 1_000_000


def attempt(*, hold: int = HOLD, tries: int = 0, agent: str = "any") -> Claimed:
    return Claimed(
        tenant_id=TenantId("acme"),
        job_id=JobId(uuid4()),
        root_id=JobId(uuid4()),
        position=0,
        round=0,
        kind=StepKind.PLAN,
        lane=Lane.PLAN,
        fence=1,
        tries=tries,
        tool="",
        call_id="",
        arguments=b"",
        effect=EffectClass.PURE,
        timeout_ms=1_000,
        hold_micro=hold,
        agent=agent,
        input=b"{}",
        max_steps=10,
    )


def _told(model: StreamingModel) -> Model:
    return Told(model, deltas=NobodyWatches(), claimed=attempt())


def _cached(model: Model) -> Model:
    scope = Scope(tenant="acme", agent="any", version="1")
    return Cached(model, answers=AnswersInMemory(), scope=scope)


def _whole(model: StreamingModel) -> Model:
    agent = Agent(name="any", model=SMALL, cached=True, streamed=True)
    models = AttemptModels(model=model, prices=PRICES, answers=AnswersInMemory())
    return models.of(attempt(), agent)


WRAPPERS: dict[str, Callable[[StreamingModel], Model]] = {
    "bare": lambda model: model,
    "told": _told,
    "behind a breaker": lambda model: BehindBreaker(
        model, breakers=AlwaysClosed(), tenant_id=TenantId("t")
    ),
    "metered": lambda model: Metered(model, quotas=NoQuotas()),
    "capped": lambda model: Capped(model, prices=PRICES, held_micro=HOLD),
    "cached": _cached,
    "ladder": lambda model: Ladder(model, choose=lambda _: (SMALL,)),
    "all together": _whole,
}
# They ask the models that they were given, whatever the request names.
LADDERS = {"ladder", "all together"}


@contextmanager
def gateway(script: Script) -> Iterator[StreamingModel]:
    loop = LoopThread()
    register_scripted(the_litellm(), script, models=tuple(PRICES.prices))
    try:
        yield LiteLLMGateway(litellm=the_litellm(), prices=PRICES, loop=loop)
    finally:
        loop.close()


@contextmanager
def in_memory(script: Script) -> Iterator[StreamingModel]:
    yield ScriptedModel(script, prices=PRICES)


PROVIDERS = {"gateway": gateway, "in memory": in_memory}


@contextmanager
def made(provider: str, wrapper: str, rows: str) -> Iterator[Model]:
    with PROVIDERS[provider](Script(parse_scenarios(rows))) as model:
        yield WRAPPERS[wrapper](model)
