"""The help desk's tools: two that read, and two that act on the shop, each once."""

import json
import os
import re
from datetime import timedelta
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

from agent_workers import Call, Effect, NotExecuted, ToolError, TryLater, tool

KNOWLEDGE = Path(__file__).parent / "knowledge"
# order -> (what, price in cents)
ORDERS = {"A-1001": ("a kettle", 3_900), "A-1002": ("a lamp", 4_500), "A-1003": ("a desk", 34_900)}
KEYS_LIVE = timedelta(hours=24)
MOST_PASSAGES = 2
_CREATED, _BUSY = 201, 503


@tool(effect=Effect.PURE, timeout=timedelta(seconds=30))
def search_knowledge(question: str) -> list[dict[str, str]]:
    """Find the passages of the shop's handbook that fit a question best."""
    wanted = _words(question)
    pages = [(page.stem, page.read_text("utf-8")) for page in sorted(KNOWLEDGE.glob("*.md"))]
    pages.sort(key=lambda page: -len(wanted & _words(page[1])))
    return [{"id": name, "text": _body(text)} for name, text in pages[:MOST_PASSAGES]]


@tool(effect=Effect.PURE, timeout=timedelta(seconds=30))
def read_order(order_id: str) -> dict[str, str | int]:
    """Look up what was ordered, and for how much."""
    if order_id not in ORDERS:
        raise ToolError(f"there is no order {order_id!r}, only {', '.join(ORDERS)}")
    what, cents = ORDERS[order_id]
    return {"order_id": order_id, "what": what, "amount_cents": cents}


@tool(
    effect=Effect.KEYED, key_ttl=KEYS_LIVE, scopes=["refunds:write"], timeout=timedelta(seconds=30)
)
def refund(order_id: str, amount_cents: int, *, call: Call) -> dict[str, object]:
    """Pay an order back, once."""
    return _post("/refunds", {"order_id": order_id, "amount_cents": amount_cents}, call.key)


@tool(effect=Effect.KEYED, key_ttl=KEYS_LIVE, timeout=timedelta(seconds=30))
def open_ticket(subject: str, details: str, *, call: Call) -> dict[str, object]:
    """Tell the people of the shop about a case."""
    return _post("/tickets", {"subject": subject, "details": details}, call.key)


def _body(page: str) -> str:
    """Return what stands below the heading, as one line."""
    return " ".join(page.split("\n", 1)[1].split())


def _words(text: str) -> set[str]:
    return set(re.findall(r"[a-z]{4,}", text.lower()))


def _post(path: str, body: dict[str, object], key: str) -> dict[str, object]:
    """Let the shop act; the key is the same in every attempt, so the shop knows a repetition."""
    place = urlsplit(os.environ.get("CUSTOMER_SUPPORT_URL", "")).netloc
    if not place:
        raise NotExecuted("set CUSTOMER_SUPPORT_URL to the URL of the shop")
    connection = HTTPConnection(place, timeout=15)
    try:
        connection.request("POST", path, json.dumps(body), {"Idempotency-Key": key})
        response = connection.getresponse()
        answer: dict[str, object] = json.loads(response.read())
    finally:
        connection.close()
    if response.status == _CREATED:
        return answer
    problem = f"the shop answered {response.status}: {answer}"
    raise TryLater(problem) if response.status == _BUSY else ToolError(problem)
