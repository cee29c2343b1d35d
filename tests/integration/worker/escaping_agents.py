"""Agents whose tools act, and then leave in a way that is no `Exception`."""

import asyncio
from collections import Counter
from datetime import timedelta

from agent_workers import Agent, Answer, Call, Effect, Plan, Use, tool

# By order: how often it was charged, and under which keys.
CHARGED: Counter[str] = Counter()
KEYS: dict[str, set[str]] = {}


@tool(effect=Effect.UNSAFE, timeout=timedelta(milliseconds=250))
def charge(order: str) -> str:
    """Charge, and be canceled before the answer."""
    CHARGED[order] += 1
    raise asyncio.CancelledError


@tool(effect=Effect.KEYED, key_ttl=timedelta(hours=1))
def charge_once(order: str, *, call: Call) -> str:
    """Charge at a provider that honours keys, and be canceled before its first answer."""
    KEYS.setdefault(order, set()).add(call.key)
    if call.attempt == 1:
        raise asyncio.CancelledError
    return "charged"


@tool(effect=Effect.PURE)
def look() -> str:
    """Look at something."""
    return "seen"


escaping = Agent(
    name="escaping",
    tools=[charge, charge_once, look],
    plan=lambda s: Plan([Use(s.input["tool"], s.input["arguments"])]),
    evaluate=lambda s: Answer([past.value for past in s.results]),
)
