"""Checks of agents against the world around them: other agents, models with a price and a key."""

from collections.abc import Iterable, Iterator, Mapping, Set

from agent_workers.domain.agents.agent import Agent
from agent_workers.domain.agents.mistakes import Mistake
from agent_workers.execution.models.named.catalog import ModelCatalog
from agent_workers.execution.models.named.configured import problems_of_models

_NONE: Mapping[str, str] = {}


def mistakes_around(
    agent: Agent,
    *,
    known: Set[str],
    catalog: ModelCatalog,
    uncallable: Mapping[str, str] = _NONE,
) -> Iterator[Mistake]:
    """Say what an agent names that is not there, or not to be called; no provider is asked."""
    yield from _agents(agent, known)
    for tool in agent.bound_tools:
        if tool.name in uncallable:
            yield Mistake("tools", f"{tool.name!r} {uncallable[tool.name]}")
    for key, names in _models(agent):
        for problem in problems_of_models(names, catalog):
            yield Mistake(key, problem)


def _agents(agent: Agent, known: Set[str]) -> Iterator[Mistake]:
    named = [(f"team.{number}", name) for number, name in enumerate(agent.team)]
    named += [(f"routes.{number}.agent", route.agent) for number, route in enumerate(agent.routes)]
    named += [("fallback", agent.fallback)] if agent.fallback else []
    for key, name in named:
        if name not in known:
            yield Mistake(key, f"there is no agent {name!r}")


def _models(agent: Agent) -> Iterator[tuple[str, Iterable[str]]]:
    if agent.model is not None:
        yield "model", (agent.model,)
    for purpose, ladder in agent.ladders.items():
        for number, name in enumerate(ladder):
            yield f"ladders.{purpose}.{number}", (name,)
