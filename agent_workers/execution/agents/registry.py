"""The agents and tools that this process has loaded, from the modules that settings name."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from inspect import isfunction
from itertools import chain
from types import ModuleType
from typing import Any, NamedTuple

from agent_workers.domain.agents.agent import Agent, PlanMode, Purpose
from agent_workers.domain.agents.engine_tools import split_engaged
from agent_workers.domain.agents.mistakes import Mistake, mistakes_of
from agent_workers.domain.errors import Misdeclared
from agent_workers.domain.step import Lane
from agent_workers.domain.text.nearest import did_you_mean
from agent_workers.domain.text.places import place_in, place_of
from agent_workers.domain.tools.tool import Tool
from agent_workers.execution.agents.modules import modules_of
from agent_workers.execution.agents.route_rules import rule_mistakes
from agent_workers.execution.values.answer_schema import schema_mistakes
from agent_workers.execution.values.signature import Signature, signature_of


class NoSuchTool(Misdeclared):
    """An agent names a tool that is not known here."""

    def __init__(self, message: str, tool: str) -> None:
        super().__init__(message)
        self.tool = tool


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedTool:
    """A tool with its signature read."""

    declared: Tool
    signature: Signature

    @property
    def lane(self) -> Lane:
        return Lane.EFFECT if self.declared.effect.ended_by_kernel else Lane.TOOL

    @property
    def timeout_ms(self) -> int:
        return round(self.declared.timeout / timedelta(milliseconds=1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Where an agent's Python parts are imported from, as `module:name`."""

    plan: str = ""
    evaluate: str = ""
    checks: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedAgent:
    """An agent that has been checked, with its tools' signatures read."""

    declared: Agent
    tools: Mapping[str, LoadedTool]
    parts: Parts = field(default_factory=Parts)
    # Tools whose schema the declaration insists on: how its hash begins.
    pins: Mapping[str, str] = field(default_factory=dict)

    @property
    def uses_model(self) -> bool:
        return self._plans_by_model or self.judges_by_model

    @property
    def step_timeout_ms(self) -> int:
        return round(self.declared.step_timeout / timedelta(milliseconds=1))

    @property
    def plan_hold_micro(self) -> int:
        """What a plan step may cost at most."""
        return self.declared.max_cost_micro_per_call if self._plans_by_model else 0

    @property
    def evaluate_hold_micro(self) -> int:
        """What an evaluate step may cost at most."""
        return self.declared.max_cost_micro_per_call if self.judges_by_model else 0

    @property
    def _plans_by_model(self) -> bool:
        return self.declared.plan is None and bool(self.declared.ladder(Purpose.PLAN))

    @property
    def judges_by_model(self) -> bool:
        """Say whether a model may be asked of a round: by `judging`, or by criteria of its plans."""
        declared = self.declared
        plans_whole = declared.plan is None and declared.mode is PlanMode.PLAN_EXECUTE
        asked = declared.judging.is_asked_for or plans_whole
        return asked and bool(declared.ladder(Purpose.EVALUATE))


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """What the modules declare; of several agents of one name the last is the current one."""

    agents: Sequence[LoadedAgent] = ()
    # Every tool that stands at the top level of a module or belongs to one of the agents.
    tools: Mapping[str, LoadedTool] = field(default_factory=dict)
    # Names that several of those tools have, and where these are: which one is meant is unclear.
    doubled: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def current(self, name: str) -> LoadedAgent | None:
        """Return the agent of this name that stands last."""
        return next((one for one in reversed(self.agents) if one.declared.name == name), None)

    def version(self, name: str, version: str) -> LoadedAgent | None:
        """Return the agent that declares this very version."""
        wanted = (name, version)
        found = (one for one in self.agents if (one.declared.name, one.declared.version) == wanted)
        return next(found, None)

    def names(self) -> list[str]:
        return sorted({agent.declared.name for agent in self.agents})

    def models(self) -> list[str]:
        """Return every model that one of the agents may ask."""
        ladders = (one.declared.ladder(purpose) for one in self.agents for purpose in Purpose)
        return sorted({model for ladder in ladders for model in ladder})


def load(modules: Iterable[str], *, beside: Sequence[Tool] = ()) -> Registry:
    """Import modules and collect the agents and tools that they declare at their top level.

    `beside`: tools that every installation has; one of a module's takes the place of its namesake.
    """
    agents: dict[tuple[str, str], _Placed] = {}
    tools: list[Tool] = []
    for module in modules_of(modules):
        for name, value in vars(module).items():
            if isinstance(value, Tool):
                tools.append(value)
            elif isinstance(value, Agent):
                _add(agents, _Placed(value, module, name))
                tools += value.bound_tools
    named = {tool.name: tool for tool in tools}
    known = {tool.name: tool for tool in beside} | named
    # Of `beside` alone too: which one is meant must not depend on what is installed.
    doubled = _doubled((*tools, *(tool for tool in beside if tool.name not in named)))
    return Registry(
        agents=tuple(loaded(_bound(one.agent, known, doubled)) for one in agents.values()),
        tools={name: read_tool(tool) for name, tool in known.items()},
        doubled=doubled,
    )


def all_mistakes(agent: Agent) -> Iterator[Mistake]:
    """Say everything that is wrong with a declaration, whoever wrote it and in what."""
    return chain(mistakes_of(agent), rule_mistakes(agent), schema_mistakes(agent))


def loaded(
    agent: Agent,
    *,
    parts: Parts | None = None,
    pins: Mapping[str, str] | None = None,
) -> LoadedAgent:
    """Check a declared agent and read its tools; the first thing that is wrong is raised."""
    for tool in agent.tools:
        if not isinstance(tool, Tool):
            raise Misdeclared(
                f"agent {agent.name!r}: {_shown(tool)} is not a tool: decorate it with @tool"
            )
    mistake = next(all_mistakes(agent), None)
    if mistake is not None:
        raise Misdeclared(f"agent {agent.name!r}: {mistake.line}")
    return LoadedAgent(
        declared=agent,
        tools={tool.name: read_tool(_timed(tool, agent)) for tool in agent.bound_tools},
        parts=parts or _parts_of(agent),
        pins=pins or {},
    )


def _shown(value: object) -> str:
    return f"{value.__name__!r} ({place_of(value)})" if isfunction(value) else repr(value)


def _timed(tool: Tool, agent: Agent) -> Tool:
    timeout = agent.timeout_overrides.get(tool.name)
    return tool if timeout is None else replace(tool, timeout=timeout)


def read_tool(tool: Tool) -> LoadedTool:
    return LoadedTool(declared=tool, signature=signature_of(tool))


class _Placed(NamedTuple):
    """An agent, and where it was found."""

    agent: Agent
    module: ModuleType
    name: str


def _add(agents: dict[tuple[str, str], _Placed], found: _Placed) -> None:
    agent = found.agent
    first = agents.setdefault((agent.name, agent.version), found)
    if first.agent is not agent:
        version = f" with version {agent.version!r}" if agent.version else ""
        places = " and ".join(place_in(one.module, one.name) for one in (first, found))
        remedy = "rename one, or give one another version"
        raise Misdeclared(f"two agents are named {agent.name!r}{version}: {places}; {remedy}")


def _doubled(tools: Iterable[Tool]) -> dict[str, list[str]]:
    """Tell where the tools are that share their name with another one."""
    found: dict[str, dict[int, str]] = {}
    for tool in tools:
        found.setdefault(tool.name, {})[id(tool)] = place_of(tool.function)
    return {name: list(places.values()) for name, places in found.items() if len(places) > 1}


def _bound(agent: Agent, known: Mapping[str, Tool], doubled: Mapping[str, Sequence[str]]) -> Agent:
    """Put tools in the place of their names."""
    listed, engages = split_engaged(agent.tools, known)
    wrong = [one for one in listed if isinstance(one, str) and one not in known]
    if wrong:
        meant = did_you_mean(wrong[0], known)
        hint = f"; {meant}" if meant else ""
        raise NoSuchTool(f"agent {agent.name!r}: there is no tool {wrong[0]!r}{hint}", wrong[0])
    unclear = [one for one in listed if isinstance(one, str) and one in doubled]
    if unclear:
        places = " and ".join(doubled[unclear[0]])
        raise Misdeclared(
            f"agent {agent.name!r}: several tools are named {unclear[0]!r} ({places}); rename one"
        )
    tools = tuple(known[one] if isinstance(one, str) else one for one in listed)
    return replace(agent, tools=tools, engages=tuple(dict.fromkeys((*agent.engages, *engages))))


# Any: a planner, evaluator or check is the user's function.
def _parts_of(agent: Agent) -> Parts:
    def path(part: Callable[..., Any] | None) -> str:
        if part is None:
            return ""
        named = part if hasattr(part, "__qualname__") else type(part)
        return f"{named.__module__}:{named.__qualname__}"

    return Parts(
        plan=path(agent.plan), evaluate=path(agent.evaluate), checks=tuple(map(path, agent.checks))
    )
