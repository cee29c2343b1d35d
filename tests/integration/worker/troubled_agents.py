"""An agent whose tools, planner and evaluator raise where their job's input says so."""

import asyncio
from datetime import timedelta
from typing import cast

from agent_workers import (
    Absent,
    Agent,
    Answer,
    Call,
    Effect,
    GiveUp,
    Plan,
    Situation,
    Use,
    delegate,
    tool,
)
from tests.integration.sandbox.isolated_tools import stumble


@tool(effect=Effect.PURE)
def lookup(key: str) -> str:
    """Look something up."""
    return {"yes": "found"}[key]


@tool(effect=Effect.PURE, max_tries=2)
def weather(failures: int, *, call: Call) -> str:
    """Fail for now, as often as that."""
    FAILED.append(call.key)
    if FAILED.count(call.key) <= failures:
        raise ConnectionResetError("the station hung up")
    return "fine"


def _seen(order: str) -> Absent:
    raise RuntimeError(f"the shop cannot say anything of {order}")


@tool(effect=Effect.RECONCILABLE, look_up=_seen, timeout=timedelta(milliseconds=100))
def buy(order: str) -> str:
    """Buy, and lose the answer."""
    raise RuntimeError(f"the answer to {order} was lost")


@tool(effect=Effect.UNSAFE, timeout=timedelta(milliseconds=100), settle=timedelta(seconds=2))
def buy_blindly(order: str) -> str:
    """Buy where nobody can ask afterwards, and lose the answer."""
    raise RuntimeError(f"the answer to {order} was lost")


@tool(effect=Effect.PURE)
def weigh(grams: str) -> int:
    """Give text where a number was promised."""
    return cast(int, grams)


@tool(effect=Effect.PURE, max_tries=1, timeout=timedelta(milliseconds=100))
async def dawdle() -> None:
    """Take longer than it may."""
    await asyncio.sleep(5)


FAILED: list[str] = []


def _plan(situation: Situation) -> Plan:
    if situation.input == "plan":
        return Plan([Use("lookup", {"key": situation.input["key"]})])
    return Plan([Use(tool, arguments) for tool, arguments in situation.input["uses"]])


def _evaluate(situation: Situation) -> Answer:
    if situation.input.get("evaluate"):
        raise LookupError("cannot judge")
    return Answer([past.value for past in situation.results])


troubled = Agent(
    name="troubled",
    tools=[lookup, weather, weigh, dawdle, buy, buy_blindly, stumble],
    plan=_plan,
    evaluate=_evaluate,
)


@tool(effect=Effect.PURE, max_tries=1, fallback="lookup")
def lookup_nearby(key: str) -> str:
    """Fail, and be stood in for."""
    raise PermissionError(f"nobody may see {key}")


def _judge(situation: Situation) -> Answer | GiveUp:
    if any(past.type == "tool_failed" for past in situation.results):
        return GiveUp("I cannot go on")
    return GiveUp("this is not good enough")


def _entrust(situation: Situation) -> Plan:
    return Plan([delegate("plain", input=situation.input)])


TOOLS = [lookup, lookup_nearby]
plain = Agent(name="plain", tools=TOOLS, plan=_plan)
judging = Agent(name="judging", tools=TOOLS, plan=_plan, evaluate=_judge)
trusting = Agent(name="trusting", plan=_entrust, team=["plain"])
replaced = Agent(name="replaced", tools=TOOLS, plan=_plan, fallback="content")
content = Agent(name="content", plan=lambda _: Answer("I took over"))
