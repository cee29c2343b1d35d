"""GET /v1/webhook_events: what was announced, for whoever asks instead of being told."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from agent_workers.domain.webhooks.delivery import AnnouncedEvent, message_of
from agent_workers.state.webhooks.events import WebhookEvents
from api.http.cursors import Cursors
from api.http.json_text import dumped
from api.http.listing import listed
from api.http.queries import checked_query, instant_of, whole_number
from api.http.replies import caller_of
from api.process.threads import Threads

_BY_DEFAULT = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookEventRoutes:
    events: WebhookEvents
    cursors: Cursors
    threads: Threads

    async def show_all(self, request: Request) -> Response:
        """Messages as endpoints get them, the oldest first; of the last hour, or since then."""
        tenant_id = caller_of(request).tenant_id
        members = checked_query(request, ("limit", "cursor", "since"))
        limit = whole_number(members, "limit", least=1, most=100, default=20)
        cursor = members.get("cursor")
        behind = None if cursor is None else self.cursors.read(cursor, scope=tenant_id)
        since = instant_of(members, "since") or datetime.now(UTC) - _BY_DEFAULT

        def place(event: AnnouncedEvent) -> str:
            return self.cursors.written(event.at, event.event_id, scope=tenant_id)

        read = partial(self.events.list, tenant_id, since=since, behind=behind, limit=limit)
        return await listed(self.threads, read, text=_text, cursor=place)


def _text(event: AnnouncedEvent) -> str:
    return dumped(message_of(event)).decode("ascii")
