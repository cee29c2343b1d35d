"""The agent that is measured with models: one turn that calls a tool, one that answers."""

from agent_workers import Agent, Effect, tool


@tool(effect=Effect.PURE)
def noop() -> None:
    """Do nothing."""


thinking_agent = Agent(name="bench_model", tools=[noop], model="scripted/small")
