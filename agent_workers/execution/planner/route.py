"""Routers: the agent of the first rule that holds takes over, before anything else is planned."""

from agent_workers.domain.agents.agent import Agent, GiveUp, Plan, Situation
from agent_workers.domain.agents.engine_tools import hand_off
from agent_workers.execution.agents.route_rules import chosen


def routed(agent: Agent, situation: Situation) -> Plan | GiveUp | None:
    """Hand over by rule; None when this is left to the agent's own plan."""
    if not agent.routes:
        return None
    target = chosen(agent.routes, situation) if situation.round == 0 else ""
    if target:
        return Plan([hand_off(target, input=situation.input)], workflow=f"route:{target}")
    if agent.plan is None and not agent.ladders and agent.model is None:
        return GiveUp("no route of the agent matches this input")
    return None
