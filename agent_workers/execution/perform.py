"""Performs steps that leave no mark: plans, verdicts, and pure tools."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from agent_workers.domain.agents.agent import Situation
from agent_workers.domain.claim import Claimed, Done
from agent_workers.domain.errors import BadReturn, StateUnavailable
from agent_workers.domain.memory.session import SILENCE, Conversation
from agent_workers.domain.step import Broke, GaveUp, Outcome, Planned, StepKind, Summarised
from agent_workers.execution.agents.registry import LoadedAgent
from agent_workers.execution.agents.roster import Find
from agent_workers.execution.evaluator.evaluating import evaluate
from agent_workers.execution.history import History
from agent_workers.execution.model_steps import ModelSteps
from agent_workers.execution.models.failures import ModelFailed
from agent_workers.execution.planner.by_function import planned
from agent_workers.execution.planner.route import routed
from agent_workers.execution.tools.router import ToolRouter
from agent_workers.execution.users_code.breaking import broke_of
from agent_workers.execution.users_code.calling import call_within
from agent_workers.execution.values.returned import named

GetHistory = Callable[[], tuple[Done, ...]]
Converse = Callable[[Claimed], Conversation]
_SUMMARISED = "summarised"


def silent(_: Claimed) -> Conversation:
    """Know of nothing that was said before."""
    return SILENCE


@dataclass(frozen=True, slots=True, kw_only=True)
class Performer:
    find: Find
    router: ToolRouter
    models: ModelSteps | None = None
    # Asked for steps of jobs that belong to a session.
    converse: Converse = silent

    def __call__(self, claimed: Claimed, history: GetHistory) -> Outcome | Broke:
        """Do the step; whatever goes wrong comes back as a value."""
        if claimed.kind is StepKind.TOOL:
            return self.router.run(claimed)
        agent = self.find(claimed)
        # Not within: a database that is away is nobody's failed attempt.
        said = self.converse(claimed) if claimed.session_id else SILENCE
        try:
            situation = _situation(claimed, history(), said)
            if claimed.kind is StepKind.PLAN:
                return self._plan(claimed, agent, situation)
            return evaluate(claimed, agent, situation, self.models)
        except StateUnavailable:
            raise  # before a call that could not be written down: nobody's failed attempt either
        except BadReturn as error:
            return Broke(code=error.code, message=str(error), retryable=False)
        except ModelFailed as error:
            return error.as_broke(worst_case_micro=claimed.hold_micro)
        except Exception as error:  # noqa: BLE001  # planners and evaluators are users' code
            return broke_of(error)

    def _plan(
        self, claimed: Claimed, agent: LoadedAgent, situation: Situation
    ) -> Planned | GaveUp | Summarised:
        """Plan by the first that can say: a router's rules, the agent's function, its model."""
        by_rule = routed(agent.declared, situation)
        if by_rule is not None:
            return planned(by_rule, situation)
        if (plan := agent.declared.plan) is not None:
            who = named("Planner", agent.declared.name, plan)
            within = timedelta(milliseconds=claimed.timeout_ms)
            return planned(call_within(within, plan, situation), situation, who)
        if self.models is None:
            return GaveUp(code="no_model", message="this worker has no models loaded")
        return self.models.plan(claimed, agent, situation)


def _situation(claimed: Claimed, history: tuple[Done, ...], said: Conversation) -> Situation:
    # What was summed up is in the conversation, and was no work of this job.
    if claimed.session_id:
        history = tuple(done for done in history if done.type != _SUMMARISED)
    return Situation(
        tenant_id=claimed.tenant_id,
        job_id=claimed.job_id,
        input=json.loads(claimed.input),
        round=claimed.round,
        history=History(history),
        course=claimed.course,
        session=said,
    )
