"""What deciding needs to know of an agent: a value made from its declaration when it is loaded."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from agent_workers.domain.agents.engine_tools import ENGAGED
from agent_workers.domain.effect import EffectRules
from agent_workers.domain.job import Limits
from agent_workers.domain.step import Lane


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolTraits:
    """What a tool promised, as far as scheduling and permits are concerned."""

    name: str
    rules: EffectRules
    lane: Lane
    timeout_ms: int
    max_tries: int
    # The tool that is asked once this one has failed for good.
    fallback: str = ""
    # Its good results are kept, to be given again then.
    remembers: bool = False
    # A person is asked then.
    asks: bool = False
    # Its results serve for a while, so it may not have to be called.
    caches: bool = False
    # So many calls at once, over all workers; 0: any number.
    concurrency: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentTraits:
    name: str
    tools: Mapping[str, ToolTraits]
    limits: Limits = field(default_factory=Limits)
    plan_timeout_ms: int = 60_000
    evaluate_timeout_ms: int = 60_000
    plan_hold_micro: int = 0
    evaluate_hold_micro: int = 0
    max_tries: int = 4
    # A model plans, so calls, tokens and repeats are counted; its ladder has so many rungs.
    by_model: bool = False
    rungs: int = 1
    team: tuple[str, ...] = ()
    # The agent that takes over when a job would fail.
    fallback: str = ""

    def has(self, tool: str) -> bool:
        """Say whether a step with this tool, or with none, can be done here."""
        return not tool or tool in self.tools or tool in ENGAGED

    def caches(self, tool: str) -> bool:
        """Say whether a step with this tool may find its result instead of calling it."""
        return tool in self.tools and self.tools[tool].caches


@dataclass(frozen=True, slots=True)
class Lacking:
    """Why this process cannot do the steps of an agent."""

    reason: str
    # What a worker would need that could: `agent:…` or `tool:…`.
    key: str = ""


# For steps of agents that this process does not have, and of which an attempt may have acted.
NOBODY = AgentTraits(name="", tools={}, max_tries=10)
