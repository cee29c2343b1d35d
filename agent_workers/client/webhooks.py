"""Webhook endpoints and deliveries over HTTP."""

from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import quote

from agent_workers.client.http import Json, Wire

_ALL = "/v1/webhook_endpoints"


class WebhookCalls:
    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def create(self, url: str, **members: object) -> Json:
        """Make an endpoint; `signing_secret` is in the answer, and never again."""
        return self._wire.ask("POST", _ALL, {"url": url, **members}, repeatable=False)

    def all(self) -> list[Json]:
        """Return every endpoint, the newest first."""
        return list(self._wire.rows(_ALL, place="after"))

    def get(self, endpoint_id: str) -> Json:
        return self._wire.ask("GET", _endpoint(endpoint_id))

    def change(self, endpoint_id: str, **members: object) -> Json:
        return self._wire.ask("PATCH", _endpoint(endpoint_id), body=members)

    def delete(self, endpoint_id: str) -> None:
        self._wire.call("DELETE", _endpoint(endpoint_id), repeatable=False)

    def rotate(self, endpoint_id: str, *, keep_old: bool = True) -> Json:
        """Make a new secret; the old one signs beside it for a day, unless told otherwise."""
        body = {"keep_old_secret_active_for_24_hours": keep_old}
        return self._wire.ask(
            "POST", f"{_endpoint(endpoint_id)}/rotate_secret", body, repeatable=False
        )

    def enable(self, endpoint_id: str) -> Json:
        return self._wire.ask("POST", f"{_endpoint(endpoint_id)}/enable", {})

    def disable(self, endpoint_id: str, *, reason: str = "") -> Json:
        return self._wire.ask("POST", f"{_endpoint(endpoint_id)}/disable", {"reason": reason})

    def test(self, endpoint_id: str, event_type: str = "webhook_endpoint.test") -> Json:
        """Deliver an event that did not happen."""
        at = f"{_endpoint(endpoint_id)}/test"
        return self._wire.ask("POST", at, {"event_type": event_type}, repeatable=False)

    def deliveries(self, endpoint_id: str | None = None, **filters: str) -> Iterator[Json]:
        """Yield deliveries to an endpoint (or to jobs' callbacks), the newest first."""
        at = "/v1/webhook_deliveries"
        if endpoint_id is not None:
            at = f"{_endpoint(endpoint_id)}/deliveries"
        yield from self._wire.rows(at, filters)

    def delivery(self, delivery_id: str) -> Json:
        """Return one delivery with its attempts."""
        return self._wire.ask("GET", _delivery(delivery_id))

    def replay(self, delivery_id: str) -> Json:
        return self._wire.ask("POST", f"{_delivery(delivery_id)}/replay", {})

    def recover(self, endpoint_id: str, since: datetime, until: datetime | None = None) -> int:
        """Deliver once more what failed in this span; say how many."""
        found = self._wire.ask("POST", f"{_endpoint(endpoint_id)}/recover", _span(since, until))
        return int(found["deliveries"])

    def replay_missing(
        self, endpoint_id: str, since: datetime, until: datetime | None = None
    ) -> int:
        """Deliver what was announced in this span while the endpoint took nothing."""
        found = self._wire.ask(
            "POST", f"{_endpoint(endpoint_id)}/replay_missing", _span(since, until)
        )
        return int(found["deliveries"])

    def events(self, since: datetime) -> Iterator[Json]:
        """Yield what was announced since then, the oldest first."""
        yield from self._wire.rows("/v1/webhook_events", {"since": _instant(since)})

    def project_secret(self) -> str:
        """Return the secret that signs the callbacks of single jobs."""
        return str(self._wire.ask("GET", "/v1/webhook_secret")["signing_secret"])


def _endpoint(endpoint_id: str) -> str:
    return f"{_ALL}/{quote(endpoint_id, safe='')}"


def _delivery(delivery_id: str) -> str:
    return f"/v1/webhook_deliveries/{quote(delivery_id, safe='')}"


def _span(since: datetime, until: datetime | None) -> Json:
    until = until or datetime.now(UTC)
    return {"since": _instant(since), "until": _instant(until)}


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
