"""Agents whose tools may have so many calls at once, or whose results serve for a while."""

import threading
from datetime import timedelta

from agent_workers import Agent, Answer, Call, Effect, Plan, Situation, Use, tool

LET_GO = threading.Event()
CALLED: list[str] = []
_COUNT = threading.Lock()
_INSIDE: set[int] = set()
_LONG = timedelta(seconds=30)


def at_once() -> int:
    """How many calls are under way, of all workers of this process."""
    return len(_INSIDE)


def _enter(name: str) -> str:
    me = threading.get_ident()
    with _COUNT:
        _INSIDE.add(me)
        CALLED.append(f"{name} beside {len(_INSIDE) - 1}")
    LET_GO.wait(20)
    with _COUNT:
        _INSIDE.discard(me)
    return name


@tool(effect=Effect.PURE, timeout=_LONG, concurrency=2)
def read_slowly(name: str) -> str:
    """Read from where only two may."""
    return _enter(name)


@tool(effect=Effect.KEYED, key_ttl=timedelta(hours=1), timeout=_LONG, concurrency=1)
def pay_slowly(name: str, *, call: Call) -> str:
    """Pay where only one may."""
    assert call.attempt == 1
    return _enter(name)


@tool(effect=Effect.PURE, timeout=_LONG, cache_for=timedelta(hours=1))
def look(name: str) -> str:
    """Look once for all."""
    CALLED.append(name)
    return f"saw {name}"


def _plan(situation: Situation) -> Plan:
    return Plan([Use(name, arguments) for name, arguments in situation.input["uses"]])


def _evaluate(situation: Situation) -> Answer:
    return Answer([past.value for past in situation.results])


limited = Agent(
    name="limited", tools=[read_slowly, pay_slowly, look], plan=_plan, evaluate=_evaluate
)
