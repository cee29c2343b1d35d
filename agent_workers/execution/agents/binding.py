"""From an agent's document to an agent: its tools and Python parts are found in this process."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from agent_workers.domain.agents.agent import Agent
from agent_workers.domain.agents.engine_tools import NAMED_AS_TOOLS
from agent_workers.domain.agents.mistakes import Mistake
from agent_workers.domain.errors import Misdeclared
from agent_workers.domain.tools.tool import Tool
from agent_workers.execution.agents.documents import AgentDocument
from agent_workers.execution.agents.modules import imported
from agent_workers.execution.agents.registry import (
    LoadedAgent,
    Parts,
    Registry,
    all_mistakes,
    loaded,
)

_MICRO = 1_000_000
_PIN = re.compile(r"[0-9a-f]{6,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Unbound:
    """A document that cannot become an agent here, and every reason why."""

    mistakes: tuple[Mistake, ...]


@dataclass(slots=True)
class _Binding:
    registry: Registry
    mistakes: list[Mistake] = field(default_factory=list)
    pins: dict[str, str] = field(default_factory=dict)
    # What the list of tools names of what the engine does itself.
    engages: list[str] = field(default_factory=list)

    def tools(self, names: Iterable[str]) -> list[Tool]:
        found = (self._tool(name, f"tools.{number}") for number, name in enumerate(names))
        return [tool for tool in found if tool is not None]

    # Any: the user's planner, evaluator or check, called with what the contract says.
    def part(self, path: str, key: str) -> Callable[..., Any] | None:
        if not path:
            return None
        module, _, name = path.partition(":")
        if not (module and name):
            return self._no_part(key, f"{path!r} is not `module:function`")
        try:
            value: object = imported(module, named_by=key)
            for part in name.split("."):
                value = getattr(value, part)
        except Exception as error:  # noqa: BLE001 (importing users' modules may raise anything)
            return self._no_part(key, f"{path!r} cannot be imported: {_said(error)}")
        return value if callable(value) else self._no_part(key, f"{path!r} is not a function")

    # Any: as above. It stands for the part, so that one mistake is not told as two.
    def _no_part(self, key: str, wrong: str) -> Callable[..., Any]:
        self.mistakes.append(Mistake(key, wrong))
        return _said

    def _tool(self, wish: str, key: str) -> Tool | None:
        if wish in NAMED_AS_TOOLS and wish not in self.registry.tools:
            self.engages.append(NAMED_AS_TOOLS[wish])
            return None
        name, _, pin = wish.partition("@")
        tool = self.registry.tools.get(name)
        wrong = ""
        if tool is None:
            wrong = f"no module of AGENT_TOOLS has a tool {name!r}"
        elif name in self.registry.doubled:
            places = " and ".join(self.registry.doubled[name])
            wrong = f"several tools are named {name!r} ({places}); rename one"
        elif "@" in wish and not _PIN.fullmatch(pin):
            wrong = f"{pin!r} is not the beginning of a schema hash: write at least 6 of its digits"
        elif not tool.signature.schema_hash.startswith(pin):
            here = tool.signature.schema_hash[:12]
            wrong = f"{name!r} is pinned to schema {pin}, and the tool here has schema {here}"
        if wrong or tool is None:
            self.mistakes.append(Mistake(key, wrong))
            return None
        if pin:
            self.pins[name] = pin
        return tool.declared


def bind(document: AgentDocument, registry: Registry) -> LoadedAgent:
    """Make an agent of a document, or raise the first thing that is wrong."""
    bound = bound_or_not(document, registry)
    if isinstance(bound, Unbound):
        raise Misdeclared(f"agent {document.name!r}: {bound.mistakes[0].line}")
    return bound


def bound_or_not(document: AgentDocument, registry: Registry) -> LoadedAgent | Unbound:
    """Make an agent of a document, or say everything that is wrong."""
    binding = _Binding(registry)
    agent = _agent(document, binding)
    mistakes = (*binding.mistakes, *all_mistakes(agent))
    if mistakes:
        return Unbound(mistakes=mistakes)
    parts = Parts(plan=document.plan, evaluate=document.evaluate, checks=document.checks)
    return loaded(agent, parts=parts, pins=binding.pins)


def _said(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _agent(document: AgentDocument, binding: _Binding) -> Agent:
    checks = [binding.part(path, f"checks.{n}") for n, path in enumerate(document.checks)]
    return Agent(
        name=document.name,
        version=document.version,
        description=document.description,
        mode=document.mode,
        model=document.model,
        ladders=document.ladders,
        model_settings=document.model_settings,
        settings_by_purpose=document.settings_by_purpose,
        instructions=document.instructions,
        prompts=document.prompts,
        variables=document.variables,
        tools=binding.tools(document.tools),
        limits=document.limits,
        judging=document.judging,
        output=document.output,
        cites=document.cites,
        team=document.team,
        routes=document.routes,
        fallback=document.fallback,
        engages=tuple(dict.fromkeys((*document.engages, *binding.engages))),
        cached=document.cached,
        streamed=document.streamed,
        on_stuck_turn=document.on_stuck_turn,
        stuck_after=timedelta(seconds=document.stuck_after_s),
        max_cost_micro_per_call=round(document.max_cost_usd_per_call * _MICRO),
        step_timeout=timedelta(seconds=document.step_timeout_s),
        timeout_overrides={
            name: timedelta(seconds=seconds) for name, seconds in document.timeout_overrides.items()
        },
        plan=binding.part(document.plan, "plan"),
        evaluate=binding.part(document.evaluate, "evaluate"),
        checks=[check for check in checks if check is not None],
    )
