"""Tools as an author writes them, with facilities."""

from datetime import timedelta

from agent_workers import Call, Clock, Effect, tool
from agent_workers.domain.outside.http import Http, HttpBounds, HttpRequest


@tool(effect=Effect.PURE)
def due_on(days: int, *, clock: Clock) -> str:
    """Say when something is due."""
    return (clock.now() + timedelta(days=days)).date().isoformat()


@tool(effect=Effect.KEYED, key_ttl=timedelta(days=1))
def order(what: str, *, http: Http, call: Call) -> int:
    """Order something, once."""
    headers = {"Idempotency-Key": call.key}
    request = HttpRequest(url="https://shop.example.com", method="POST", headers=headers)
    return http(request, HttpBounds()).status + len(what)


@tool(effect=Effect.PURE)
def wrong_type() -> int:
    """Promise a number."""
    return "no number"  # type: ignore[return-value]  # that is the point
