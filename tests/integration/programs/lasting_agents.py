"""An agent whose tool takes seconds and writes down each time that it began."""

import time
from pathlib import Path

from agent_workers import Agent, Answer, Effect, Plan, Use, tool


@tool(effect=Effect.PURE)
def last(book: str, seconds: float) -> str:
    """Write down that it begins, and last for a while."""
    with Path(book).open("a") as file:
        file.write("began\n")
    time.sleep(seconds)
    return "over"


lasting = Agent(
    name="lasting",
    tools=[last],
    plan=lambda s: Plan([Use("last", {"book": s.input["book"], "seconds": s.input["seconds"]})]),
    evaluate=lambda _: Answer("done"),
)
