"""The parts of webhooks, put together, and their routes."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from agent_workers.state.webhooks.deliveries import WebhookDeliveries
from agent_workers.state.webhooks.endpoints import WebhookEndpoints
from agent_workers.state.webhooks.events import WebhookEvents
from api.http.cursors import Cursors
from api.process.running import Running
from api.webhooks.deliveries import WebhookDeliveryRoutes
from api.webhooks.endpoints import WebhookEndpointRoutes
from api.webhooks.events import WebhookEventRoutes

Endpoint = Callable[[Request], Awaitable[Response]]
_ALL = "/v1/webhook_endpoints"
_ONE = _ALL + "/{endpoint_id}"
_DELIVERY = "/v1/webhook_deliveries/{delivery_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookParts:
    endpoints: WebhookEndpointRoutes
    deliveries: WebhookDeliveryRoutes
    events: WebhookEventRoutes


def webhook_parts(running: Running, pepper: str, *, allow_private: bool) -> WebhookParts:
    endpoints = WebhookEndpoints(running.database)
    return WebhookParts(
        endpoints=WebhookEndpointRoutes(
            endpoints=endpoints,
            pepper=pepper,
            allow_private=allow_private,
            threads=running.threads,
        ),
        deliveries=WebhookDeliveryRoutes(
            deliveries=WebhookDeliveries(running.database),
            endpoints=endpoints,
            cursors=Cursors(pepper, listing="webhook_deliveries"),
            threads=running.threads,
        ),
        events=WebhookEventRoutes(
            events=WebhookEvents(running.database),
            cursors=Cursors(pepper, listing="webhook_events"),
            threads=running.threads,
        ),
    )


def webhook_routes(parts: WebhookParts) -> Mapping[tuple[str, str], Endpoint]:
    endpoints, deliveries = parts.endpoints, parts.deliveries
    return {
        ("POST", _ALL): endpoints.create,
        ("GET", _ALL): endpoints.show_all,
        ("GET", _ONE): endpoints.show,
        ("POST", _ONE): endpoints.change,
        ("PATCH", _ONE): endpoints.change,
        ("DELETE", _ONE): endpoints.delete,
        ("POST", _ONE + "/rotate_secret"): endpoints.rotate_secret,
        ("POST", _ONE + "/enable"): endpoints.enable,
        ("POST", _ONE + "/disable"): endpoints.disable,
        ("POST", _ONE + "/test"): deliveries.test,
        ("POST", _ONE + "/recover"): deliveries.recover,
        ("POST", _ONE + "/replay_missing"): deliveries.replay_missing,
        ("GET", _ONE + "/deliveries"): deliveries.show_of_endpoint,
        ("GET", "/v1/webhook_deliveries"): deliveries.show_callbacks,
        ("GET", _DELIVERY): deliveries.show,
        ("POST", _DELIVERY + "/replay"): deliveries.replay,
        ("GET", "/v1/webhook_events"): parts.events.show_all,
        ("GET", "/v1/webhook_event_types"): endpoints.show_kinds,
        ("GET", "/v1/webhook_secret"): endpoints.show_project_secret,
        ("POST", "/v1/webhook_secret/rotate"): endpoints.rotate_project_secret,
    }
