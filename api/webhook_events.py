"""GET /v1/webhook_events: what was announced, for whoever asks instead of being told."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from starlette.requests import Request
from starlette.responses import Response

from agent_workers.domain.webhook_delivery import message_of
from agent_workers.state.webhook_events import WebhookEvents
from api.cursors import Cursors
from api.queries import checked_query, instant_of, whole_number
from api.replies import NO_STORE, JsonReply, caller_of
from api.shapes import dumped, list_bytes
from api.threads import Threads

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
        found = await self.threads.run(
            self.events.list,
            tenant_id,
            since=instant_of(members, "since") or datetime.now(UTC) - _BY_DEFAULT,
            behind=behind,
            limit=limit + 1,
        )
        page, following = found[:limit], None
        if len(found) > limit:
            following = self.cursors.written(page[-1].at, page[-1].event_id, scope=tenant_id)
        texts = [dumped(message_of(event)).decode("ascii") for event in page]
        return JsonReply(list_bytes(texts, next_cursor=following), headers=[NO_STORE])
