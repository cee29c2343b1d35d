"""Performs steps that leave no mark: plans, verdicts, and pure tools."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import assert_never

from agent_workers.domain.agent import (
    Answer,
    GiveUp,
    Plan,
    Situation,
    Use,
)
from agent_workers.domain.claim import Claimed, Done
from agent_workers.domain.encoding import canonical, total
from agent_workers.domain.step import (
    Broke,
    GaveUp,
    Outcome,
    Planned,
    StepKind,
    ToolCall,
)
from agent_workers.execution.breaking import broke_of
from agent_workers.execution.evaluating import evaluate
from agent_workers.execution.history import History
from agent_workers.execution.model_steps import ModelSteps
from agent_workers.execution.models.failures import ModelFailed
from agent_workers.execution.registry import LoadedAgent
from agent_workers.execution.roster import Find
from agent_workers.execution.tools.router import ToolRouter

GetHistory = Callable[[], tuple[Done, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Performer:
    find: Find
    router: ToolRouter
    models: ModelSteps | None = None

    def __call__(self, claimed: Claimed, history: GetHistory) -> Outcome | Broke:
        """Do the step; whatever goes wrong comes back as a value."""
        if claimed.kind is StepKind.TOOL:
            return self.router.run(claimed)
        agent = self.find(claimed)
        try:
            situation = _situation(claimed, history())
            if claimed.kind is StepKind.PLAN:
                return self._plan(claimed, agent, situation)
            return evaluate(claimed, agent, situation, self.models)
        except ModelFailed as error:
            return error.as_broke(worst_case_micro=claimed.hold_micro)
        except Exception as error:  # noqa: BLE001  # planners and evaluators are users' code
            return broke_of(error)

    def _plan(self, claimed: Claimed, agent: LoadedAgent, situation: Situation) -> Outcome:
        if agent.declared.plan is not None:
            return _planned(agent.declared.plan(situation))
        if self.models is None:
            return GaveUp(code="no_model", message="this worker has no models loaded")
        return self.models.plan(claimed, agent, situation)


def _situation(claimed: Claimed, history: tuple[Done, ...]) -> Situation:
    return Situation(
        tenant_id=claimed.tenant_id,
        job_id=claimed.job_id,
        input=json.loads(claimed.input),
        round=claimed.round,
        history=History(history),
        course=claimed.course,
    )


def _planned(decision: Plan | Answer | GiveUp) -> Outcome:
    match decision:
        case Plan():
            calls = tuple(map(_call, decision.uses))
            if not calls:
                return GaveUp(code="empty_plan", message="the plan has no tools and no answer")
            return Planned(calls=calls, workflow=decision.workflow)
        case Answer():
            return Planned(calls=(), answer=total(decision.output))
        case GiveUp():
            return GaveUp(code="gave_up", message=decision.reason)
    assert_never(decision)


def _call(use: Use) -> ToolCall:
    return ToolCall(
        tool=use.tool,
        arguments=canonical(use.arguments),
        call_id=use.id,
        after=tuple(use.after),
        description=use.description,
        done_when=use.done_when,
    )
