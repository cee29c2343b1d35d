"""An agent in two versions, with a tool."""

from agent_workers import Agent, Effect, Plan, Situation, Use, tool


@tool(effect=Effect.PURE)
def look(at: str) -> str:
    """Look at something."""
    return at


def plan(situation: Situation) -> Plan:
    return Plan([Use("look", {"at": situation.text})])


first = Agent(name="reported", tools=[look], plan=plan)
second = Agent(name="reported", version="2", tools=[look], plan=plan)
