"""Agents whose tools leave a mark outside within a second, for tests with a Postgres that is slow."""

from datetime import timedelta
from pathlib import Path

from agent_workers import Absent, Agent, Answer, Call, Effect, Found, Plan, Use, tool

_SHORT = timedelta(seconds=1)


def _append(book: str, call: Call) -> str:
    with Path(book).open("a") as file:
        file.write(f"{call.key}\n")
    return "paid"


def _look_up(book: str, *, call: Call) -> Found[str] | Absent:
    written = Path(book).read_text() if Path(book).exists() else ""
    return Found("paid") if str(call.key) in written else Absent()


@tool(effect=Effect.KEYED, timeout=_SHORT, key_ttl=timedelta(hours=24))
def keyed(book: str, *, call: Call) -> str:
    """Write a line under a key."""
    return _append(book, call)


@tool(effect=Effect.RECONCILABLE, timeout=_SHORT, look_up=_look_up)
def reconcilable(book: str, *, call: Call) -> str:
    """Write a line that can be looked up."""
    return _append(book, call)


@tool(effect=Effect.UNSAFE, timeout=_SHORT)
def unsafe(book: str, *, call: Call) -> str:
    """Write a line that nobody could take back."""
    return _append(book, call)


hasty = Agent(
    name="hasty",
    tools=[keyed, reconcilable, unsafe],
    plan=lambda s: Plan([Use(s.input["tool"], {"book": s.input["book"]})]),
    evaluate=lambda _: Answer("done"),
)
