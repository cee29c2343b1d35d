"""Plans and verdicts by model: from a situation to a request, within the step's hold."""

from collections.abc import Callable
from dataclasses import dataclass

from agent_workers.domain.agent import Situation
from agent_workers.domain.claim import Claimed
from agent_workers.domain.step import Outcome
from agent_workers.execution import evaluate_by_model, plan_by_model
from agent_workers.execution.models.capped import Capped
from agent_workers.execution.models.ports import Model
from agent_workers.execution.models.prices import PriceTable
from agent_workers.execution.models.values import ToolSchema
from agent_workers.execution.registry import LoadedAgent
from agent_workers.execution.situations import draft_of, goal_of, results_of, turns_of

# The rest of a step's time is for recording what the model said.
_SHARE = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSteps:
    model: Model
    prices: PriceTable
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
        return plan_by_model.plan(self._within(claimed), request, deadline_s=_deadline(claimed))

    def evaluate(self, claimed: Claimed, agent: LoadedAgent, situation: Situation) -> Outcome:
        request = evaluate_by_model.EvaluateRequest(
            model=agent.declared.model or "",
            goal=goal_of(situation),
            results_json=results_of(situation),
            draft=draft_of(situation),
            instructions=agent.declared.instructions,
        )
        return evaluate_by_model.evaluate(
            self._within(claimed), request, deadline_s=_deadline(claimed)
        )

    def _within(self, claimed: Claimed) -> Model:
        if claimed.hold_micro == 0:
            return self.model
        return Capped(self.model, prices=self.prices, held_micro=claimed.hold_micro)


def _deadline(claimed: Claimed) -> float:
    return claimed.timeout_ms / 1000 * _SHARE
