"""Agents that think by a model: the scripted one, through the real LiteLLM."""

from agent_workers import Agent, Effect, Judging, tool


@tool(effect=Effect.PURE)
def add(left: int, right: int) -> int:
    """Add two numbers."""
    return left + right


thinker = Agent(
    name="thinker",
    tools=[add],
    model="scripted/small",
    instructions="Be exact.",
    judging=Judging(final=True),
    max_cost_micro_per_call=10_000,
)
