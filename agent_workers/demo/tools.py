"""The demo's tools: three that only read, and one that pays money back."""

import json
import os
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPResponse
from urllib.parse import urlsplit

from agent_workers import Call, Effect, NotExecuted, ToolError, TryLater, tool

POLICY = "Refunds must be within 7 days and the learning progress must be below 20%."
# order -> (days since it was bought, learning progress in percent, price in cents)
ORDERS = {"A-1001": (3, 12, 4_900), "A-1002": (9, 5, 9_900), "A-1003": (2, 60, 1_900)}
REFUND_SERVER = "DEMO_REFUND_URL"
_SOON = timedelta(seconds=5)
_CREATED, _CONFLICT, _BUSY = 201, 409, 503


@tool(effect=Effect.PURE, timeout=_SOON)
def search_policy(question: str) -> dict[str, str]:  # noqa: ARG001 (one passage answers all)
    """Find the passage of the refund policy that answers a question."""
    return {"policy_text": POLICY}


@tool(effect=Effect.PURE, timeout=_SOON, name="none")
def no_tool() -> dict[str, str]:
    """Do nothing: for questions that no tool here can help with."""
    return {"note": "no_tool_used"}


@tool(effect=Effect.PURE, timeout=_SOON)
def read_order(order_id: str) -> dict[str, str | int]:
    """Look up when an order was bought, and how far its buyer has come in the course."""
    if order_id not in ORDERS:
        raise ToolError(f"there is no order {order_id!r}, only {', '.join(ORDERS)}")
    days, progress, cents = ORDERS[order_id]
    bought = datetime.now(UTC).date() - timedelta(days=days)
    return {
        "order_id": order_id,
        "purchased_on": bought.isoformat(),
        "progress_percent": progress,
        "amount_cents": cents,
    }


@tool(
    effect=Effect.KEYED,
    key_ttl=timedelta(hours=24),
    timeout=timedelta(seconds=20),
    scopes=["refunds:write"],
)
def refund(order_id: str, amount_cents: int, *, call: Call) -> dict[str, object]:
    """Pay the price of an order back, once."""
    # The key is the same in every attempt, so the server knows a repeated request when it sees one.
    headers = {"Content-Type": "application/json", "Idempotency-Key": call.key}
    body = json.dumps({"order_id": order_id, "amount_cents": amount_cents})
    connection = HTTPConnection(_refund_server(), timeout=15)
    try:
        connection.request("POST", "/refunds", body, headers)
        return _receipt(connection.getresponse())
    finally:
        connection.close()


def _refund_server() -> str:
    address = urlsplit(os.environ.get(REFUND_SERVER, "")).netloc
    if not address:
        raise NotExecuted(f"set {REFUND_SERVER} to the URL of the refund server")
    return address


def _receipt(response: HTTPResponse) -> dict[str, object]:
    answer: dict[str, object] = json.loads(response.read())
    if response.status == _CREATED:
        return answer
    if response.status in {_CONFLICT, _BUSY}:
        raise TryLater(f"the refund server is busy: {answer.get('error')}")
    raise ToolError(f"the refund server refused: {answer.get('error')}")
