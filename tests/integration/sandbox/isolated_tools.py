"""Tools that run in a child process: honest ones, and some that would take a worker with them."""

import ctypes
import os
import time
from dataclasses import dataclass
from datetime import timedelta

from agent_workers.domain.effect import EffectClass
from agent_workers.domain.errors import NotExecuted
from agent_workers.domain.tool import Absent, Call, Contradictory, Found, tool

PURE, RECONCILABLE = EffectClass.PURE, EffectClass.RECONCILABLE


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    variables: list[str]
    process: int
    key: str


@tool(effect=PURE, isolated=True)
def look_around(greeting: str, *, call: Call) -> Seen:
    """Say what is around."""
    print(greeting)  # noqa: T201  # what a tool prints must not be taken for its answer
    around = sorted(os.environ)  # noqa: TID251  # that is the point
    return Seen(variables=around, process=os.getpid(), key=call.key)


@tool(effect=PURE, isolated=True)
def crash() -> str:
    """Take the interpreter down."""
    return str(ctypes.string_at(0))


@tool(effect=PURE, isolated=True, timeout=timedelta(milliseconds=500))
def hang() -> str:
    """Never return."""
    time.sleep(600)
    return "never"


@tool(effect=PURE, isolated=True)
def swell() -> int:
    """Take more memory than there is."""
    return len([bytes(1 << 28) for _ in range(40)])


def look(order: str) -> Found[str] | Absent | Contradictory:
    return Found(f"{order} was there") if order == "known" else Absent()


@tool(effect=RECONCILABLE, isolated=True, look_up=look)
def order_once(order: str) -> str:
    """Refuse whatever is not known, before anything has happened."""
    if order == "crash":
        os._exit(3)
    if order != "known":
        raise NotExecuted(f"{order} is not known")
    return order
