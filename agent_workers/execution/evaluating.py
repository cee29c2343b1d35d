"""The evaluator: what is to be said of a round, by function, by model, or by what came back."""

from typing import assert_never

from agent_workers.domain.agent import (
    Answer,
    Ask,
    Continue,
    Escalate,
    GiveUp,
    Replan,
    Retry,
    Situation,
)
from agent_workers.domain.agent import Verdict as Said
from agent_workers.domain.claim import Claimed
from agent_workers.domain.encoding import total
from agent_workers.domain.step import Judged, Outcome, Verdict
from agent_workers.execution.model_steps import ModelSteps
from agent_workers.execution.registry import LoadedAgent


def evaluate(
    claimed: Claimed, agent: LoadedAgent, situation: Situation, models: ModelSteps | None
) -> Outcome:
    """Judge the round that this step closes."""
    if agent.declared.evaluate is not None:
        return _judged(agent.declared.evaluate(situation))
    if agent.uses_model and models is not None:
        return models.evaluate(claimed, agent, situation)
    return _judged(accept_results(situation))


def accept_results(situation: Situation) -> Answer | GiveUp:
    """Judge without model or function: a plan's answer, or results that all came, are accepted."""
    for past in reversed(situation.history):
        if past.round == situation.round and past.type == "planned" and "answer" in past.value:
            return Answer(output=past.value["answer"])
    failed = [past for past in situation.results if past.type == "tool_failed"]
    if failed:
        problem = failed[0].value
        return GiveUp(reason=f"{failed[0].tool}: {problem['code']}: {problem['message']}")
    results = [past.value for past in situation.results]
    return Answer(output=results[0] if len(results) == 1 else results)


def _judged(verdict: Said) -> Judged:
    match verdict:
        case Answer():
            return Judged(verdict=Verdict.ACCEPT, output=total(verdict.output))
        case Continue():
            return Judged(verdict=Verdict.CONTINUE, reason=verdict.reason)
        case Retry():
            return Judged(verdict=Verdict.RETRY, reason=verdict.reason)
        case Replan():
            return Judged(verdict=Verdict.REPLAN, reason=verdict.reason)
        case Escalate():
            return Judged(verdict=Verdict.ESCALATE, reason=verdict.reason)
        case Ask():
            return Judged(verdict=Verdict.ASK, question=verdict.question)
        case GiveUp():
            return Judged(verdict=Verdict.FAIL, reason=verdict.reason)
    assert_never(verdict)
