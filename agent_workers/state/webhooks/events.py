"""Reading what was announced, whoever it was to be delivered to."""

import json
from datetime import datetime
from uuid import UUID

from agent_workers.domain.ids import TenantId
from agent_workers.domain.webhooks.delivery import AnnouncedEvent
from agent_workers.state.database.engine import Database
from agent_workers.state.database.pages import Page, Row, read_page

_LIST = """
select event_id, type, subject, created_at, data::text, detail from webhook_events
 where tenant_id = %(tenant)s and created_at >= %(since)s
   and (%(at)s::timestamptz is null or (created_at, event_id) > (%(at)s, %(behind)s))
 order by created_at, event_id"""


class WebhookEvents:
    def __init__(self, database: Database) -> None:
        self._database = database

    def list(
        self,
        tenant_id: TenantId,
        *,
        since: datetime,
        behind: tuple[datetime, UUID] | None,
        limit: int,
    ) -> Page[AnnouncedEvent]:
        """Return events since then, the oldest first."""
        at, event = behind or (None, None)
        asked = {"tenant": tenant_id, "since": since, "at": at, "behind": event}
        return read_page(self._database, _LIST, asked, limit=limit, seen=_announced)


def _announced(row: Row) -> AnnouncedEvent:
    event_id, kind, subject, created_at, data, detail = row
    return AnnouncedEvent(
        event_id=event_id,
        type=kind,
        subject=subject,
        at=created_at,
        data=json.loads(data),
        detail=detail,
    )
