"""Plans and opinions by model: from a situation to a request, within the step's time and ration."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from agent_workers.domain.agents.agent import PlanMode, Purpose, Situation
from agent_workers.domain.claim import Claimed
from agent_workers.domain.step import GaveUp, Planned, Summarised
from agent_workers.domain.text.encoding import bounded
from agent_workers.execution.agents.prompts import rendered
from agent_workers.execution.agents.registry import LoadedAgent
from agent_workers.execution.evaluator import by_model as evaluate_by_model
from agent_workers.execution.models.failures import ModelFailed
from agent_workers.execution.models.ports import Model, Models
from agent_workers.execution.planner.asking import Rationed
from agent_workers.execution.planner.by_function import degraded_by
from agent_workers.execution.planner.by_model import PlanRequest, plan
from agent_workers.execution.planner.conversing import spoken, sum_up, told_in_full, users_words
from agent_workers.execution.planner.situations import goal_of, turns_of
from agent_workers.execution.planner.summary import SummaryRequest, summarise
from agent_workers.execution.planner.told import objection_to, results_so_far, work_done
from agent_workers.execution.planner.tools import offer
from agent_workers.execution.planner.tried import is_carried_out, last_problems, tried_before
from agent_workers.execution.planner.whole import WholePlanRequest, plan_whole

# The rest of a step's time is for recording what the model said.
_SHARE: Final = 0.9
_LEAST_S: Final = 0.1
# The engine tries a step four times; the last turn of a job is not lost for want of a summary.
_PATIENCE: Final = 3
# Calls of a model, and steps, that a job must be able to make besides a summary.
_SPARE: Final = 3
_SPARE_STEPS: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSteps:
    models: Models
    close: Callable[[], None] = lambda: None

    def plan(
        self, claimed: Claimed, agent: LoadedAgent, situation: Situation
    ) -> Planned | GaveUp | Summarised:
        """Make the next turn, or the whole plan, or the answer that ends the job."""
        if situation.course.finalising:
            return self._last_turn(claimed, agent, situation)
        if situation.session.to_fold and _may_fold(claimed, agent):
            return self._fold(claimed, agent, situation)
        if agent.declared.mode is PlanMode.REACT:
            return self._turn(claimed, agent, situation)
        if is_carried_out(situation):
            return self._summary(claimed, agent, situation)
        return self._whole(claimed, agent, situation)

    def evaluate(
        self, claimed: Claimed, agent: LoadedAgent, asked: evaluate_by_model.EvaluateRequest
    ) -> evaluate_by_model.Opinion | GaveUp:
        """Ask for an opinion on a round."""
        model = self._model(claimed, agent)
        return evaluate_by_model.evaluate(model, asked, deadline_s=_deadline(claimed))

    def _turn(self, claimed: Claimed, agent: LoadedAgent, situation: Situation) -> Planned | GaveUp:
        request = PlanRequest(
            goal=goal_of(situation),
            offer=offer(claimed, agent),
            instructions=rendered(agent.declared, Purpose.PLAN),
            turns=turns_of(situation),
            before=tuple(spoken(situation.session)),
        )
        return plan(self._model(claimed, agent), request, deadline_s=_deadline(claimed))

    def _whole(
        self, claimed: Claimed, agent: LoadedAgent, situation: Situation
    ) -> Planned | GaveUp:
        request = WholePlanRequest(
            goal=goal_of(situation),
            offer=offer(claimed, agent),
            instructions=rendered(agent.declared, Purpose.PLAN),
            tried=tried_before(situation),
            problems=last_problems(situation),
            before=tuple(users_words(situation.session)),
        )
        return plan_whole(self._model(claimed, agent), request, deadline_s=_deadline(claimed))

    def _summary(
        self, claimed: Claimed, agent: LoadedAgent, situation: Situation
    ) -> Planned | GaveUp:
        request = SummaryRequest(
            goal=goal_of(situation),
            work_json=work_done(situation),
            before_json=told_in_full(situation.session),
            instructions=rendered(agent.declared, Purpose.SUMMARISE),
            limit=situation.course.finalising,
            remark=objection_to(situation),
            output=agent.declared.output,
        )
        return summarise(self._model(claimed, agent), request, deadline_s=_deadline(claimed))

    def _fold(self, claimed: Claimed, agent: LoadedAgent, situation: Situation) -> Summarised:
        return sum_up(
            self._model(claimed, agent),
            situation.session,
            deadline_s=_deadline(claimed),
            worst_case_micro=claimed.hold_micro,
        )

    def _last_turn(self, claimed: Claimed, agent: LoadedAgent, situation: Situation) -> Planned:
        """Answer with what there is, in words if a model has any; the result says which limit."""
        try:
            said = self._summary(claimed, agent, situation)
        except ModelFailed as failed:
            if failed.parks_on or (failed.retryable and claimed.tries + 1 < _PATIENCE):
                raise
            usage = failed.as_broke(worst_case_micro=claimed.hold_micro).usage
            said = GaveUp(code=failed.code, message=str(failed), usage=usage)
        if isinstance(said, GaveUp) or said.answer is None:
            said = _unsaid(said, situation)
        told = "; ".join(filter(None, (degraded_by(situation.course.finalising), said.degraded)))
        return replace(said, degraded=told)

    def _model(self, claimed: Claimed, agent: LoadedAgent) -> Model:
        model = self.models.of(claimed, agent.declared)
        most = agent.declared.limits.max_model_calls
        if most is None:
            return model
        reserved = 0 if claimed.course.finalising else 1
        # The first call of a step was counted before the step was handed out.
        return Rationed(model, calls=max(1, most - claimed.course.model_calls - reserved))


def _may_fold(claimed: Claimed, agent: LoadedAgent) -> bool:
    """Sum up once, before all else, and never with what the work itself would need."""
    limits = agent.declared.limits
    steps = min(claimed.max_steps, limits.max_steps)
    calls = limits.max_model_calls
    return (
        claimed.position == 0
        and (claimed.deadline_ms is None or claimed.deadline_ms > _SPARE * claimed.timeout_ms)
        and (claimed.left_micro is None or claimed.left_micro >= _SPARE * claimed.hold_micro)
        and (calls is None or calls > _SPARE)
        and limits.max_tokens is None
        and steps > _SPARE_STEPS
    )


def _unsaid(said: Planned | GaveUp, situation: Situation) -> Planned:
    """Let the results speak where no model summed them up: the job has no other turn left."""
    answer = bounded(results_so_far(situation))
    why = said.code if isinstance(said, GaveUp) else "no usable answer"
    return Planned(calls=(), answer=answer, usage=said.usage, degraded=f"not summed up: {why}")


def _deadline(claimed: Claimed) -> float:
    seconds = claimed.timeout_ms / 1000
    if claimed.deadline_ms is not None:
        passed_s = time.monotonic() - claimed.claimed_at_s
        seconds = min(seconds, claimed.deadline_ms / 1000 - passed_s)
    return max(_LEAST_S, seconds * _SHARE)
