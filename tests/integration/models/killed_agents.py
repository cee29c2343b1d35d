"""Agents that think for seconds, so that their worker can be killed while they do."""

from datetime import timedelta

from agent_workers import Agent, Effect, tool

HOLD = 200_000
TIMEOUT = timedelta(seconds=9)


@tool(effect=Effect.PURE)
def add(left: int, right: int) -> int:
    """Add two numbers."""
    return left + right


lonely = Agent(
    name="lonely",
    tools=[add],
    model="scripted/small",
    max_cost_micro_per_call=HOLD,
    step_timeout=TIMEOUT,
)
helped = Agent(
    name="helped",
    tools=[add],
    ladders={"plan": ["scripted/large", "scripted/small"]},
    max_cost_micro_per_call=HOLD,
    step_timeout=TIMEOUT,
)
# Nothing is held for its calls: what each may cost is written down before it is made.
unheld = Agent(name="unheld", tools=[add], model="scripted/small", step_timeout=TIMEOUT)
