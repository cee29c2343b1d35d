"""A judge that says what it is told to say, and evaluations with it."""

from dataclasses import dataclass, field, replace
from typing import Any

from agent_workers import Agent, Past
from agent_workers.domain.budget import Usage
from agent_workers.domain.claim import Claimed
from agent_workers.domain.course import NEW, Course
from agent_workers.domain.step import GaveUp, Judged, StepKind, Verdict
from agent_workers.execution.agents.registry import LoadedAgent
from agent_workers.execution.evaluator.by_model import EvaluateRequest, Opinion
from agent_workers.execution.evaluator.evaluating import evaluate
from agent_workers.execution.models.failures import ModelFailed
from tests.unit.execution.evaluator.rounds import (
    an,
    answered,
    by_function,
    call,
    planned,
    ran,
    situation,
)
from tests.unit.orchestration.agents import claimed

USED = Usage(input=1, output=1, cost_micro=5, calls=1)


@dataclass
class SaidJudge:
    """A judge that says what it is told to say, and remembers what it was shown."""

    says: Opinion | GaveUp | ModelFailed = field(default_factory=lambda: opinion(Verdict.ACCEPT))
    shown: list[EvaluateRequest] = field(default_factory=list)

    def evaluate(
        self, claimed: Claimed, agent: LoadedAgent, asked: EvaluateRequest
    ) -> Opinion | GaveUp:
        del claimed, agent
        self.shown.append(asked)
        if isinstance(self.says, ModelFailed):
            raise self.says
        return self.says


def opinion(verdict: Verdict, **said: Any) -> Opinion:
    return replace(Opinion(verdict=verdict, reason="because", usage=USED), **said)


def told(
    agent: Agent,
    *history: Past,
    judge: SaidJudge | None = None,
    course: Course = NEW,
    tries: int = 0,
) -> Judged:
    step = claimed(StepKind.EVALUATE, tries=tries)
    return evaluate(step, an(agent), situation(*history, course=course), judge)


def deciding(verdict: object, **declared: Any) -> Agent:
    return by_function(evaluate=lambda _: verdict, **declared)


DRAFT = answered("a draft")
ROUND = (planned(call("a"), call("p", "pay")), ran("a", 1), ran("p", 2, name="pay", position=2))
