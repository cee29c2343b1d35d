"""What is wrong with a declared agent, as far as its declaration alone can tell."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import timedelta

from agent_workers.domain.agents.agent import Agent, Purpose
from agent_workers.domain.agents.engine_tools import DELEGATE, ENGAGED, HAND_OFF
from agent_workers.domain.agents.prompt import filled, variables_of
from agent_workers.domain.errors import Misdeclared
from agent_workers.domain.models.settings import mistakes_of_settings
from agent_workers.domain.text.places import place_of
from agent_workers.domain.tools.tool import Tool, mistakes_of_tool

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
_NAMED_LIKE = "use a letter or digit, then at most 99 letters, digits, '_', '.' and '-'"
_MAY_BE_ZERO = {"max_replans", "max_invalid_plans", "max_depth"}
_OF_TEAMS = {DELEGATE, HAND_OFF}
_LONGEST_TIMEOUT = timedelta(days=1)
_LONGEST_STUCK = timedelta(days=30)
_PURPOSES = tuple(purpose.value for purpose in Purpose)


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing that is wrong, and the member of the declaration that it is wrong with."""

    key: str
    text: str

    @property
    def line(self) -> str:
        return f"{self.key}: {self.text}" if self.key else self.text


def mistakes_of(agent: Agent) -> Iterator[Mistake]:
    """Say everything that is wrong with a declaration, whoever wrote it and in what."""
    yield from _names(agent)
    yield from _models(agent)
    yield from _model_settings(agent)
    yield from _prompts(agent)
    yield from _tools(agent)
    yield from _timeouts(agent)
    yield from _bounds(agent)
    yield from _engaging(agent)
    if agent.fallback == agent.name:
        yield Mistake("fallback", "an agent cannot be its own fallback")


def _names(agent: Agent) -> Iterator[Mistake]:
    if not _NAME.fullmatch(agent.name):
        yield Mistake("name", f"{agent.name!r} is not a valid name: {_NAMED_LIKE}")
    if agent.version and not _NAME.fullmatch(agent.version):
        yield Mistake("version", f"{agent.version!r} is not a valid version: {_NAMED_LIKE}")


def _models(agent: Agent) -> Iterator[Mistake]:
    for purpose in agent.ladders:
        if purpose not in _PURPOSES:
            yield _no_purpose("ladders", purpose)
        elif not agent.ladders[purpose]:
            yield Mistake(f"ladders.{purpose}", "a ladder needs at least one model")
    if agent.plan is None and not agent.ladder(Purpose.PLAN) and not agent.routes:
        yield Mistake("", "it has neither plan= nor model=, so nothing can plan for it")


def _model_settings(agent: Agent) -> Iterator[Mistake]:
    for name, text in mistakes_of_settings(agent.model_settings):
        yield Mistake(f"model_settings.{name}", text)
    for purpose, settings in agent.settings_by_purpose.items():
        key = f"settings_by_purpose.{purpose}"
        if purpose not in _PURPOSES:
            yield _no_purpose("settings_by_purpose", purpose)
        for name, text in mistakes_of_settings(settings):
            yield Mistake(f"{key}.{name}", text)


def _prompts(agent: Agent) -> Iterator[Mistake]:
    texts = {"instructions": agent.instructions}
    texts |= {f"prompts.{purpose}": text for purpose, text in agent.prompts.items()}
    used: set[str] = set()
    for key, text in texts.items():
        try:
            used |= variables_of(text)
            filled(text, agent.variables)
        except Misdeclared as error:
            yield Mistake(key, str(error))
    for name in sorted(agent.variables.keys() - used):
        yield Mistake(f"variables.{name}", "no prompt uses it")
    for purpose in agent.prompts:
        if purpose not in _PURPOSES:
            yield _no_purpose("prompts", purpose)


def _no_purpose(key: str, purpose: str) -> Mistake:
    return Mistake(f"{key}.{purpose}", f"{purpose!r} is not one of {', '.join(_PURPOSES)}")


def _tools(agent: Agent) -> Iterator[Mistake]:
    tools = agent.bound_tools
    names = [tool.name for tool in tools]
    for name in sorted({name for name in names if names.count(name) > 1}):
        same = {id(one): place_of(one.function) for one in tools if one.name == name}
        clash = f"two tools are named {name!r} ({' and '.join(same.values())}); rename one"
        yield Mistake("tools", clash if len(same) > 1 else f"{name!r} is listed twice")
    for tool in tools:
        if tool.name in ENGAGED:
            yield Mistake("tools", f"{tool.name!r} is the name of a built-in tool: rename this one")
        if tool.fallback is not None and tool.fallback not in names:
            yield Mistake(
                "tools",
                f"the fallback {tool.fallback!r} of {tool.name!r} is not a tool of this agent",
            )
        if _comes_back(tool, {one.name: one.fallback for one in tools}):
            yield Mistake("tools", f"the fallbacks of {tool.name!r} form a circle")
    for name in sorted(agent.limits.max_calls_of.keys() - {*names, *ENGAGED}):
        yield Mistake(f"limits.max_calls_of.{name}", "the agent has no such tool")


def _timeouts(agent: Agent) -> Iterator[Mistake]:
    tools = {tool.name: tool for tool in agent.bound_tools}
    for name, timeout in agent.timeout_overrides.items():
        key = f"timeout_overrides.{name}"
        if name not in tools:
            yield Mistake(key, "the agent has no such tool")
        elif timeout > _LONGEST_TIMEOUT:
            yield Mistake(key, "it must be at most a day")
        else:
            wrong = mistakes_of_tool(replace(tools[name], timeout=timeout))
            yield from (Mistake(key, text) for text in wrong)


def _comes_back(tool: Tool, fallbacks: Mapping[str, str | None]) -> bool:
    name = tool.fallback
    for _ in fallbacks:
        if name == tool.name:
            return True
        name = fallbacks.get(name) if name else None
    return False


def _engaging(agent: Agent) -> Iterator[Mistake]:
    for number, name in enumerate(agent.engages):
        key = f"engages.{number}"
        if name not in ENGAGED:
            yield Mistake(key, f"{name!r} is not one of {', '.join(sorted(ENGAGED))}")
        elif name in _OF_TEAMS and not agent.team:
            yield Mistake(key, f"{name!r} needs the names of agents in `team`")


def _bounds(agent: Agent) -> Iterator[Mistake]:
    for name, value in asdict(agent.limits).items():
        counts: Mapping[str, int | None] = value if isinstance(value, dict) else {"": value}
        for of, count in counts.items():
            least = int(name not in _MAY_BE_ZERO)
            if count is not None and count < least:
                key = f"limits.{name}{of and '.'}{of}"
                yield Mistake(key, f"it must be at least {least}, not {count}")
    if not 0 <= agent.judging.sample <= 1:
        yield Mistake("judging.sample", f"{agent.judging.sample} is not between 0 and 1")
    if agent.step_timeout <= timedelta(0):
        yield Mistake("step_timeout", "it must be positive")
    if not timedelta(0) < agent.stuck_after <= _LONGEST_STUCK:
        yield Mistake("stuck_after", "it must be positive, and at most 30 days")
    if agent.max_cost_micro_per_call < 0:
        yield Mistake("max_cost", "it must not be negative")
