"""Agents that think by a model: the scripted one, through the real LiteLLM."""

from agent_workers import Agent, Effect, tool


@tool(effect=Effect.PURE)
def add(left: int, right: int) -> int:
    """Add two numbers."""
    return left + right


thinker = Agent(
    name="thinker",
    tools=[add],
    model="scripted/small",
    instructions="Be exact.",
    max_cost_micro_per_call=10_000,
)
