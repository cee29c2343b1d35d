"""Tools that are called one by one, outside of any job."""

import asyncio
import time
from datetime import timedelta

from agent_workers import (
    Absent,
    Call,
    Effect,
    Found,
    NotExecuted,
    Statement,
    ToolError,
    Transaction,
    tool,
)

SOON = timedelta(seconds=5)
PAID: dict[str, int] = {}


@tool(effect=Effect.PURE, timeout=SOON)
def add(a: int, b: int = 2) -> int:
    """Add."""
    return a + b


@tool(effect=Effect.PURE, timeout=SOON)
def lies(a: int) -> str:
    """Promise a text."""
    return a  # type: ignore[return-value]  # that is the point


@tool(effect=Effect.PURE, timeout=SOON)
def half() -> str:
    """Give half a character."""
    return "\ud800"


@tool(effect=Effect.PURE, timeout=timedelta(milliseconds=100))
async def hangs_async() -> str:
    """Never come back."""
    await asyncio.Event().wait()
    return ""


@tool(effect=Effect.PURE, timeout=timedelta(milliseconds=100))
def hangs() -> str:
    """Never come back, whatever is raised."""
    for _ in range(100):
        try:
            time.sleep(1)
        except Exception:  # noqa: BLE001 (as careless tools do)
            continue
    return "late"


def paid(amount: int, *, call: Call) -> Found[str] | Absent:  # noqa: ARG001 (as its tool has it)
    """Look whether it was paid."""
    return Found(f"paid {PAID[call.key]}") if call.key in PAID else Absent()


@tool(effect=Effect.RECONCILABLE, look_up=paid, timeout=SOON)
def pay(amount: int, *, call: Call) -> str:
    """Pay, or fail in all the ways there are."""
    if amount == 0:
        raise NotExecuted("nothing was sent")
    if amount < 0:
        raise OSError("the line went dead")
    PAID[call.key] = amount
    return f"paid {amount} for {call.user_id or 'nobody'}"


@tool(effect=Effect.TRANSACTIONAL, timeout=SOON)
def note(name: str) -> Transaction[str]:
    """Write a row."""
    if not name:
        raise ToolError("say a name")
    sql = "insert into called_notes (name) values (%(name)s)"
    return Transaction([Statement(sql, {"name": name})], name)
