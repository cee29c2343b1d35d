"""The agents and tools that this process has loaded, from the modules that settings name."""

import importlib
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import ModuleType

from agent_workers.domain.agent import Agent
from agent_workers.domain.effect import EffectClass
from agent_workers.domain.errors import Misdeclared
from agent_workers.domain.step import Lane
from agent_workers.domain.tool import Tool
from agent_workers.execution.signature import Signature, signature_of

_OWN_PROCESS = frozenset({EffectClass.RECONCILABLE, EffectClass.UNSAFE})


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedTool:
    """A tool with its signature read."""

    declared: Tool
    signature: Signature

    @property
    def lane(self) -> Lane:
        return Lane.EFFECT if self.declared.effect in _OWN_PROCESS else Lane.TOOL

    @property
    def timeout_ms(self) -> int:
        return round(self.declared.timeout / timedelta(milliseconds=1))


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedAgent:
    declared: Agent
    tools: Mapping[str, LoadedTool]

    @property
    def uses_model(self) -> bool:
        return self.declared.plan is None or (
            self.declared.evaluate is None and self.declared.model is not None
        )


Registry = Mapping[str, LoadedAgent]


def load(modules: Iterable[str]) -> Registry:
    """Import modules and collect the agents that they declare at their top level."""
    agents: dict[str, LoadedAgent] = {}
    for name in modules:
        module = _imported(name)
        for value in vars(module).values():
            if isinstance(value, Agent):
                if value.name in agents and agents[value.name].declared is not value:
                    raise Misdeclared(f"two agents are named {value.name!r}")
                agents[value.name] = _loaded(value)
    return agents


def _imported(name: str) -> ModuleType:
    # A newcomer's tools lie in the folder they stand in, which a console script does not search.
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise Misdeclared(f"no module named {error.name!r} (AGENT_TOOLS names {name!r})") from error


def _loaded(agent: Agent) -> LoadedAgent:
    if agent.plan is None and agent.model is None:
        raise Misdeclared(f"agent {agent.name!r} has neither plan= nor model=")
    tools: dict[str, LoadedTool] = {}
    for declared in agent.tools:
        if not isinstance(declared, Tool):
            raise Misdeclared(f"agent {agent.name!r}: {declared!r} is not a tool; decorate it")
        if declared.name in tools:
            raise Misdeclared(f"agent {agent.name!r} has two tools named {declared.name!r}")
        tools[declared.name] = LoadedTool(declared=declared, signature=signature_of(declared))
    return LoadedAgent(declared=agent, tools=tools)
