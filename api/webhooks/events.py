"""GET /v1/webhook_events: what was announced, for whoever asks instead of being told."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Literal

from starlette.requests import Request
from starlette.responses import Response
from typing_extensions import TypedDict

from agent_workers.domain.webhooks.delivery import AnnouncedEvent, message_of
from agent_workers.state.webhooks.events import WebhookEvents
from api.http.json_text import dumped
from api.http.paging import Pages
from api.http.queries import InstantAsked, PageQuery, query_of
from api.http.replies import caller_of
from api.http.route import Room, Route
from api.http.shapes import Anything, Count, EventId, Instant, page_of

_AT = Room("/v1/webhook_events", reads="webhooks:read")

_BY_DEFAULT = timedelta(hours=1)


class WebhookEventReply(TypedDict):
    """A message as endpoints get it; what `data` holds depends on its type."""

    id: EventId
    object: Literal["event"]
    type: str
    created_at: Count
    timestamp: Instant
    data: dict[str, Anything]


class WebhookEventsQuery(PageQuery):
    since: InstantAsked | None = None


WebhookEventList = page_of("WebhookEventList", WebhookEventReply)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookEventRoutes:
    events: WebhookEvents
    pages: Pages

    @Route(_AT, "GET", "listWebhookEvents", {200: WebhookEventList}, query=WebhookEventsQuery)
    async def show_all(self, request: Request) -> Response:
        """Messages as endpoints get them, the oldest first; of the last hour, or since then."""
        tenant_id = caller_of(request).tenant_id
        asked = query_of(request, WebhookEventsQuery)
        since = asked.since or datetime.now(UTC) - _BY_DEFAULT
        return await self.pages.reply(
            asked,
            partial(self.events.list, tenant_id, since=since),
            scope=tenant_id,
            text=_text,
            place=lambda event: (event.at, event.event_id),
        )


def _text(event: AnnouncedEvent) -> str:
    return dumped(message_of(event)).decode("ascii")
