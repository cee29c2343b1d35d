"""Two tools of one name, and an agent that names them."""

from agent_workers import Agent, Effect, tool


@tool(effect=Effect.PURE)
def look(at: str) -> str:
    """Look."""
    return at


@tool(effect=Effect.PURE, name="look")
def look_too(at: str) -> str:
    """Look otherwise."""
    return at


unclear = Agent(name="unclear", tools=["look"], model="scripted/small")
