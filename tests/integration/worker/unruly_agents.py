"""Agents whose tools end in ways that nobody foresaw."""

import sys
import threading
from datetime import timedelta

from agent_workers import (
    Agent,
    Answer,
    Effect,
    Plan,
    Situation,
    Statement,
    Transaction,
    Use,
    tool,
)

ENTERED = threading.Event()
LET_GO = threading.Event()
_DEADLOCK = "do $$ begin raise exception 'deadlock' using errcode = '40P01'; end $$"


@tool(effect=Effect.PURE)
def number(value: int) -> int:
    """Return a number."""
    return value


@tool(effect=Effect.PURE, max_tries=2)
def leave() -> None:
    """End the process, or so it thinks."""
    sys.exit(3)


@tool(
    effect=Effect.KEYED,
    key_ttl=timedelta(hours=1),
    timeout=timedelta(milliseconds=200),
    max_tries=1,
)
def pay() -> str:
    """Take longer than it promised."""
    ENTERED.set()
    LET_GO.wait(20)
    return "paid"


@tool(effect=Effect.TRANSACTIONAL, max_tries=2)
def deadlocked() -> Transaction[None]:
    """Ask for a statement that never succeeds, though another time it might."""
    return Transaction([Statement(_DEADLOCK, {})], None)


def _plan(situation: Situation) -> Plan:
    return Plan([Use(name, arguments) for name, arguments in situation.input])


def _evaluate(situation: Situation) -> Answer:
    return Answer([[past.type, past.value] for past in situation.results])


told = Agent(
    name="told",
    tools=[number, leave, pay, deadlocked],
    plan=_plan,
    evaluate=_evaluate,
)
