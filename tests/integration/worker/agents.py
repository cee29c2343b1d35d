"""Agents for tests of the worker: what they do is told by their input."""

import threading
from datetime import timedelta

from agent_workers import (
    Agent,
    Answer,
    Call,
    Continue,
    Effect,
    Plan,
    Situation,
    Statement,
    ToolError,
    Transaction,
    Use,
    tool,
)

ENTERED = threading.Event()
LET_GO = threading.Event()
FAILURES: list[int] = []


@tool(effect=Effect.PURE)
def echo(value: object) -> object:
    """Return what it is given."""
    return value


@tool(effect=Effect.PURE, timeout=timedelta(seconds=1.5))
def hang() -> str:
    """Hang, at the first call only."""
    if not ENTERED.is_set():
        ENTERED.set()
        LET_GO.wait(20)
    return "came back"


@tool(effect=Effect.PURE, max_tries=3)
def flaky(failures: int) -> str:
    """Fail a number of times."""
    FAILURES.append(1)
    if len(FAILURES) <= failures:
        raise ConnectionError("not yet")
    return f"worked after {failures}"


@tool(effect=Effect.PURE)
def refuse() -> None:
    """Fail for good."""
    raise ToolError("it is closed")


@tool(effect=Effect.TRANSACTIONAL)
def write(name: str, *, call: Call) -> Transaction[str]:
    """Write a row of ours."""
    sql = "insert into notes (name, key) values (%(name)s, %(key)s)"
    return Transaction([Statement(sql, {"name": name, "key": call.key})], "written")


def _plan(situation: Situation) -> Plan | Answer:
    wish = situation.input
    if "answer" in wish:
        return Answer(wish["answer"])
    if wish.get("plan_waits"):
        ENTERED.set()
        LET_GO.wait(20)
    return Plan([Use(name, arguments) for name, arguments in wish["uses"]], workflow="told")


def _evaluate(situation: Situation) -> Answer | Continue:
    if situation.round + 1 < situation.input.get("rounds", 1):
        return Continue("more")
    return Answer(
        [{"tool": past.tool, "type": past.type, "value": past.value} for past in situation.results]
    )


told = Agent(name="told", tools=[echo, hang, flaky, refuse, write], plan=_plan, evaluate=_evaluate)
default = Agent(name="default", tools=[echo, refuse], plan=_plan)
