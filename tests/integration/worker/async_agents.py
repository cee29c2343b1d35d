"""Agents whose functions are all `async def`; a tool hangs in its first attempt."""

import asyncio
from collections import Counter
from datetime import timedelta

from agent_workers import Agent, Answer, Call, Effect, Plan, Situation, Use, tool

SOON = timedelta(milliseconds=200)
# By order: under which keys it was charged, and how often it was cancelled.
KEYS: dict[str, set[str]] = {}
CANCELLED: Counter[str] = Counter()


async def _hang(order: str) -> None:
    try:
        await asyncio.Event().wait()
    finally:
        CANCELLED[order] += 1


@tool(effect=Effect.PURE, timeout=SOON)
async def look(order: str, *, call: Call) -> str:
    """Look at an order, which takes too long at first."""
    CANCELLED.setdefault(order, 0)
    if not CANCELLED[order]:
        await _hang(order)
    return call.tenant_id


@tool(effect=Effect.KEYED, key_ttl=timedelta(hours=1), timeout=SOON)
async def charge(order: str, *, call: Call) -> str:
    """Charge at a provider that honours keys, whose first answer does not come in time."""
    KEYS.setdefault(order, set()).add(call.key)
    if call.attempt == 1:
        await _hang(order)
    return "charged"


async def _plan(situation: Situation) -> Plan:
    return Plan([Use(situation.input["tool"], situation.input["arguments"])])


async def _evaluate(situation: Situation) -> Answer:
    return Answer([past.value for past in situation.results])


waiting = Agent(name="waiting", tools=[look, charge], plan=_plan, evaluate=_evaluate)
