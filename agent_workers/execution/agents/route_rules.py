"""The rules of routers: when another agent takes over, told of a job's `input` and `text`."""

from collections.abc import Iterator, Sequence
from typing import Final

from agent_workers.domain.agent import Agent, Route, Situation
from agent_workers.domain.agent_mistakes import Mistake
from agent_workers.execution.expressions import CannotTell, holds, problem_of

_NAMES: Final = ("input", "text")


def chosen(routes: Sequence[Route], situation: Situation) -> str:
    """Return the agent of the first rule that holds, or nothing; a rule that breaks does not hold."""
    known = dict(zip(_NAMES, (situation.input, situation.text), strict=True))
    return next((route.agent for route in routes if _holds(route.when, known)), "")


def rule_mistakes(agent: Agent) -> Iterator[Mistake]:
    """Say which rules of an agent can never be told."""
    for number, route in enumerate(agent.routes):
        problem = problem_of(route.when, _NAMES)
        if problem:
            yield Mistake(f"routes.{number}.when", problem)


def _holds(rule: str, known: dict[str, object]) -> bool:
    try:
        return holds(rule, known)
    except CannotTell:
        return False
