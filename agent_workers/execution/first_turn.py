"""What a model would plan first for an agent, without a job: for tests of tools and prompts."""

import json
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from agent_workers.domain.agents.agent import Agent, Situation, Use
from agent_workers.domain.claim import Claimed
from agent_workers.domain.effect import EffectClass
from agent_workers.domain.ids import JobId, TenantId
from agent_workers.domain.step import GaveUp, Lane, Planned, StepKind, Summarised
from agent_workers.domain.text.encoding import canonical
from agent_workers.execution.agents.registry import loaded
from agent_workers.execution.model_steps import ModelSteps
from agent_workers.execution.models.named.models import NO_NAMES
from agent_workers.execution.models.ports import Model
from agent_workers.execution.models.wrappers.attempts import prepared_for
from agent_workers.execution.models.wrappers.ladder import Ladder

# The same in each run, so that a recording finds its requests again.
_JOB = JobId(UUID(int=0))
_TENANT = TenantId("test")
_PLENTY = timedelta(minutes=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What the planner made of the model's reply; `problems`: why it cannot be used."""

    uses: tuple[Use, ...] = ()
    answer: object = None
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Laddered:
    """Asks this model in the name of those that the agent declares."""

    model: Model

    def of(self, claimed: Claimed, agent: Agent) -> Model:
        prepare = prepared_for(agent, NO_NAMES, tenant=claimed.tenant_id)
        return Ladder(self.model, choose=agent.ladder, prepare=prepare, rung=claimed.course.rung)


def first_turn(agent: Agent, given: object, *, model: Model) -> Turn:
    """Ask the model as a worker does for the first step of a job with this input."""
    bound = loaded(replace(agent, routes=()))
    situation = Situation(tenant_id=_TENANT, job_id=_JOB, input=given, round=0, history=())
    planned = ModelSteps(models=_Laddered(model)).plan(_claimed(agent, given), bound, situation)
    match planned:
        case Planned():
            return Turn(
                uses=tuple(Use(call.tool, json.loads(call.arguments)) for call in planned.calls),
                answer=None if planned.answer is None else json.loads(planned.answer),
                problems=planned.problems,
            )
        case GaveUp(message=why):
            return Turn(problems=(why,))
        case Summarised(text=text):  # of older turns of a session; there is none here
            return Turn(answer=text)


def _claimed(agent: Agent, given: object) -> Claimed:
    return Claimed(
        tenant_id=_TENANT,
        job_id=_JOB,
        root_id=_JOB,
        position=0,
        round=0,
        kind=StepKind.PLAN,
        lane=Lane.PLAN,
        fence=1,
        tries=0,
        tool="",
        call_id="",
        arguments=b"{}",
        effect=EffectClass.PURE,
        timeout_ms=round(_PLENTY / timedelta(milliseconds=1)),
        hold_micro=0,
        agent=agent.name,
        input=canonical(given),
        max_steps=agent.limits.max_steps,
    )
