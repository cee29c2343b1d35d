"""Other code with a tool of the same name: what it takes is not the same."""

from agent_workers import Effect, tool


@tool(effect=Effect.PURE)
def shout(text: str, times: int = 1) -> str:
    """Say it loudly, more than once."""
    return text.upper() * times
