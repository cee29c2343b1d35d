"""Agents whose models fail as a script says: one that has no other model, and one that has."""

from datetime import timedelta

from agent_workers import Agent, Effect, tool

HOLD = 100_000


@tool(effect=Effect.PURE)
def add(left: int, right: int) -> int:
    """Add two numbers."""
    return left + right


alone = Agent(
    name="alone",
    tools=[add],
    model="scripted/large",
    max_cost_micro_per_call=HOLD,
    step_timeout=timedelta(seconds=2),
)
laddered = Agent(
    name="laddered",
    tools=[add],
    ladders={"plan": ["scripted/large", "scripted/small"]},
    model="scripted/large",
    max_cost_micro_per_call=HOLD,
    step_timeout=timedelta(seconds=3),
)
cached = Agent(
    name="cached",
    model="scripted/small",
    cached=True,
    max_cost_micro_per_call=HOLD,
    step_timeout=timedelta(seconds=10),
)
streamed = Agent(
    name="streamed",
    model="scripted/small",
    streamed=True,
    max_cost_micro_per_call=HOLD,
    step_timeout=timedelta(seconds=10),
)
