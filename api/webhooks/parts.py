"""Puts the routes of webhooks together."""

from collections.abc import Iterator

from agent_workers.state.webhooks.deliveries import WebhookDeliveries
from agent_workers.state.webhooks.endpoints import WebhookEndpoints
from agent_workers.state.webhooks.events import WebhookEvents
from api.http.cursors import Cursors
from api.http.paging import Pages
from api.process.running import Running
from api.webhooks.deliveries import WebhookDeliveryRoutes
from api.webhooks.endpoints import WebhookEndpointRoutes
from api.webhooks.events import WebhookEventRoutes


def webhook_parts(running: Running, pepper: str, *, allow_private: bool) -> Iterator[object]:
    endpoints, threads = WebhookEndpoints(running.database), running.threads
    yield WebhookEndpointRoutes(
        endpoints=endpoints, pepper=pepper, allow_private=allow_private, threads=threads
    )
    yield WebhookDeliveryRoutes(
        deliveries=WebhookDeliveries(running.database),
        endpoints=endpoints,
        pages=Pages(cursors=Cursors(pepper, listing="webhook_deliveries"), threads=threads),
        threads=threads,
    )
    yield WebhookEventRoutes(
        events=WebhookEvents(running.database),
        pages=Pages(cursors=Cursors(pepper, listing="webhook_events"), threads=threads),
    )
