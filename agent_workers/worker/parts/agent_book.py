"""What the engine is told of an agent: the traits of its tools, its limits, its pace."""

import structlog

from agent_workers.domain.agents.agent import Purpose
from agent_workers.domain.claim import Claimed
from agent_workers.domain.wait import lacking_agent, lacking_tool
from agent_workers.execution.agents.registry import LoadedAgent, LoadedTool
from agent_workers.execution.agents.roster import Roster, Unserved
from agent_workers.orchestration.traits import AgentTraits, Lacking, ToolTraits

log = structlog.get_logger(__name__)


def traits_of(agent: LoadedAgent) -> AgentTraits:
    declared = agent.declared
    return AgentTraits(
        name=declared.name,
        tools={name: _tool_traits(tool) for name, tool in agent.tools.items()},
        limits=declared.limits,
        plan_timeout_ms=agent.step_timeout_ms,
        evaluate_timeout_ms=agent.step_timeout_ms,
        plan_hold_micro=agent.plan_hold_micro,
        evaluate_hold_micro=agent.evaluate_hold_micro,
        by_model=declared.plan is None and bool(declared.ladder(Purpose.PLAN)),
        rungs=len(declared.ladder(Purpose.PLAN)),
        # Who takes over by rule is of the team too; without one an agent may turn to anybody.
        team=(*declared.team, *(route.agent for route in declared.routes)) if declared.team else (),
        fallback=declared.fallback or "",
    )


class AgentBook:
    """The traits of every agent that the roster finds, worked out once."""

    def __init__(self, roster: Roster) -> None:
        self._roster = roster
        self._traits: dict[tuple[str, str, str], tuple[LoadedAgent, AgentTraits]] = {}

    def __call__(self, claimed: Claimed) -> AgentTraits | Lacking:
        key = (claimed.tenant_id, claimed.agent, claimed.agent_version)
        try:
            agent = self._roster.find(claimed)
        except Unserved as error:
            log.warning("agent_not_served", agent=claimed.agent, reason=str(error))
            wanted = lacking_tool(error.tool) if error.tool else lacking_agent(claimed.agent)
            return Lacking(str(error), wanted)
        known = self._traits.get(key)
        # An agent that was bound anew may have other tools, on other terms.
        if known is None or known[0] is not agent:
            known = self._traits[key] = (agent, traits_of(agent))
        return known[1]


def _tool_traits(tool: LoadedTool) -> ToolTraits:
    return ToolTraits(
        name=tool.declared.name,
        rules=tool.declared.rules,
        lane=tool.lane,
        timeout_ms=tool.timeout_ms,
        max_tries=tool.declared.max_tries,
        fallback=tool.declared.fallback or "",
        remembers=tool.declared.stale_for is not None,
        asks=tool.declared.ask_on_failure,
        caches=tool.declared.cache_for is not None,
        concurrency=tool.declared.concurrency or 0,
    )
