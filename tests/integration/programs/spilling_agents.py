"""An agent whose tool writes a line outside and then takes its time, so that Postgres can go away."""

import os
import time
from datetime import timedelta
from pathlib import Path

from agent_workers import Agent, Answer, Effect, Plan, Use, tool


@tool(effect=Effect.UNSAFE, timeout=timedelta(seconds=10))
def slowly_write(book: str) -> str:
    """Write a line that nobody could take back, and answer later."""
    with Path(book).open("a") as file:
        file.write(f"{os.getpid()}\n")
    time.sleep(1.5)
    return "written"


slow = Agent(
    name="slow",
    tools=[slowly_write],
    plan=lambda s: Plan([Use("slowly_write", {"book": s.input["book"]})]),
    evaluate=lambda _: Answer("done"),
)
