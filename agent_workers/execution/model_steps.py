"""Plans and verdicts by model: from a situation to a request, within the step's hold."""

from collections.abc import Callable
from dataclasses import dataclass

from agent_workers.domain.agent import Situation
from agent_workers.domain.claim import Claimed
from agent_workers.domain.step import GaveUp, Outcome
from agent_workers.execution import evaluate_by_model, plan_by_model
from agent_workers.execution.evaluate_by_model import EvaluateRequest, Opinion
from agent_workers.execution.models.ports import Models
from agent_workers.execution.models.values import ToolSchema
from agent_workers.execution.registry import LoadedAgent
from agent_workers.execution.situations import goal_of, turns_of

# The rest of a step's time is for recording what the model said.
_SHARE = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSteps:
    models: Models
    close: Callable[[], None] = lambda: None

    def plan(self, claimed: Claimed, agent: LoadedAgent, situation: Situation) -> Outcome:
        request = plan_by_model.PlanRequest(
            model=agent.declared.model or "",
            goal=goal_of(situation),
            instructions=agent.declared.instructions,
            turns=turns_of(situation),
            tools=tuple(
                ToolSchema(
                    name=tool.declared.name,
                    description=tool.declared.description,
                    parameters=tool.signature.schema,
                )
                for tool in agent.tools.values()
            ),
        )
        model = self.models.of(claimed, agent.declared)
        return plan_by_model.plan(model, request, deadline_s=_deadline(claimed))

    def evaluate(
        self, claimed: Claimed, agent: LoadedAgent, asked: EvaluateRequest
    ) -> Opinion | GaveUp:
        model = self.models.of(claimed, agent.declared)
        return evaluate_by_model.evaluate(model, asked, deadline_s=_deadline(claimed))


def _deadline(claimed: Claimed) -> float:
    return claimed.timeout_ms / 1000 * _SHARE
