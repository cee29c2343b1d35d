"""Makes the model of one attempt of a step: what a process shares, wrapped for this attempt."""

from dataclasses import dataclass, field

from agent_workers.domain.agents.agent import Agent
from agent_workers.domain.claim import Claimed
from agent_workers.execution.models.named.models import NO_NAMES, NamedModels
from agent_workers.execution.models.named.prices import PriceTable
from agent_workers.execution.models.ports import Answers, Breakers, Deltas, Model, Quotas
from agent_workers.execution.models.values import ModelRequest
from agent_workers.execution.models.wrappers.answers_in_memory import NoAnswers
from agent_workers.execution.models.wrappers.begun import BeginCall, Begun, unwritten
from agent_workers.execution.models.wrappers.behind_breaker import AlwaysClosed, BehindBreaker
from agent_workers.execution.models.wrappers.cached import Cached, Scope
from agent_workers.execution.models.wrappers.capped import Capped
from agent_workers.execution.models.wrappers.ladder import Ladder, Prepare, purpose_of
from agent_workers.execution.models.wrappers.metered import Metered, NoQuotas
from agent_workers.execution.models.wrappers.told import NobodyWatches, StreamingModel, Told


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptModels:
    """From the provider outwards: streamed, written down, broken off, metered, capped, cached, and the next model.

    A hit of the cache meets neither quota nor breaker nor hold. A quota has no room before a
    breaker is asked, because a probe that is not made would close it.
    """

    model: StreamingModel
    prices: PriceTable
    named: NamedModels = NO_NAMES
    breakers: Breakers = field(default_factory=AlwaysClosed)
    quotas: Quotas = field(default_factory=NoQuotas)
    answers: Answers = field(default_factory=NoAnswers)
    deltas: Deltas = field(default_factory=NobodyWatches)
    begin: BeginCall = unwritten

    def of(self, claimed: Claimed, agent: Agent) -> Model:
        """Wrap the gateway for one attempt."""
        model: Model = self.model
        if agent.streamed:
            model = Told(self.model, deltas=self.deltas, claimed=claimed)
        if not claimed.hold_micro:
            model = Begun(model, prices=self.prices, claimed=claimed, begin=self.begin)
        model = BehindBreaker(model, breakers=self.breakers, tenant_id=claimed.tenant_id)
        model = Metered(model, quotas=self.quotas)
        if claimed.hold_micro:
            model = Capped(model, prices=self.prices, held_micro=claimed.hold_micro)
        if agent.cached:
            model = Cached(
                model, answers=self.answers, scope=_scope(claimed), fresh=claimed.tries > 0
            )
        prepare = prepared_for(agent, self.named, tenant=claimed.tenant_id)
        return Ladder(model, choose=agent.ladder, prepare=prepare, rung=claimed.course.rung)


def prepared_for(agent: Agent, named: NamedModels, *, tenant: str) -> Prepare:
    """Return what makes a request of an agent's what it is for the model that it names."""

    def prepare(request: ModelRequest) -> ModelRequest:
        settings = agent.settings_for(purpose_of(request))
        return named.prepared(request, settings, tenant=tenant)

    return prepare


def _scope(claimed: Claimed) -> Scope:
    return Scope(tenant=claimed.tenant_id, agent=claimed.agent, version=claimed.agent_version)
