"""An agent for a hostile tenant: its jobs call the tool that their input names."""

import os
import time
from datetime import timedelta

from agent_workers.domain.agents.agent import Agent, Plan, Situation, Use
from agent_workers.domain.effect import EffectClass
from agent_workers.domain.tools.declaring import tool
from agent_workers.domain.tools.tool import Transaction
from agent_workers.domain.tools.workspace import FileWish, Workspace

NAME = "hostile"
# Of tools that end their process, so that what becomes of its other steps is not held against us.
EXITING = ("leave", "leave_acting")
_TIMEOUT = timedelta(seconds=1)


@tool(effect=EffectClass.PURE, timeout=timedelta(seconds=10))
def doze(seconds: float) -> None:
    """Hold a place, in time."""
    time.sleep(seconds)


@tool(effect=EffectClass.PURE, timeout=_TIMEOUT)
def hang() -> None:
    """Hold a place until the time is over, and a little longer."""
    time.sleep(1.5 * _TIMEOUT.total_seconds())


@tool(effect=EffectClass.PURE, timeout=_TIMEOUT)
def leave() -> None:
    """End the process, whatever else it does."""
    os._exit(1)


@tool(effect=EffectClass.UNSAFE, timeout=_TIMEOUT, settle=timedelta(milliseconds=50))
def leave_acting() -> None:
    """End the process under a permit."""
    os._exit(1)


@tool(effect=EffectClass.TRANSACTIONAL, timeout=timedelta(seconds=10))
def write_large(megabytes: int, *, workspace: Workspace) -> Transaction[None]:
    """Write a file that takes long to read."""
    wish = FileWish(path="large", content=bytes(megabytes << 20))
    return Transaction([workspace.writing(wish)], None)


def _plan(situation: Situation) -> Plan:
    wish = situation.input
    return Plan([Use(wish["tool"], wish.get("with", {}))])


hostile = Agent(
    name=NAME,
    plan=_plan,
    tools=[doze, hang, leave, leave_acting, write_large, "http_get"],
    step_timeout=timedelta(seconds=5),
)
