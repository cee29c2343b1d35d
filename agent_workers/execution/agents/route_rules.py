"""The rules of routers: when another agent takes over, told of a job's `input` and `text`."""

from collections.abc import Iterator, Sequence
from typing import Final

from agent_workers.domain.agents.agent import Agent, Route, Situation
from agent_workers.domain.agents.mistakes import Mistake
from agent_workers.expressions.budget import Budget
from agent_workers.expressions.conditions import CannotTell, holds, problem_of

_NAMES: Final = ("input", "text")
# For all rules of a router together; about half a second.
_STEPS: Final = 2_000_000


def chosen(routes: Sequence[Route], situation: Situation) -> str:
    """Return the agent of the first rule that holds, or nothing; a rule that breaks does not hold."""
    known = dict(zip(_NAMES, (situation.input, situation.text), strict=True))
    budget = Budget(_STEPS)
    return next((route.agent for route in routes if _holds(route.when, known, budget)), "")


def rule_mistakes(agent: Agent) -> Iterator[Mistake]:
    """Say which rules of an agent can never be told."""
    for number, route in enumerate(agent.routes):
        problem = problem_of(route.when, _NAMES)
        if problem:
            yield Mistake(f"routes.{number}.when", problem)


def _holds(rule: str, known: dict[str, object], budget: Budget) -> bool:
    try:
        return holds(rule, known, budget)
    except CannotTell:
        return False
