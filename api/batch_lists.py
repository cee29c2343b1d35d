"""GET /v1/batches and the items of one batch, in pages."""

from dataclasses import dataclass
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import Response

from agent_workers.domain.batch import BatchStatus, ItemStatus
from agent_workers.state.batches_reads import BatchReads
from api.batch_shapes import batch_text, item_text
from api.batches import batch_id_of, no_such_batch
from api.cursors import Cursors
from api.problems import invalid
from api.queries import checked_query, whole_number
from api.replies import NO_STORE, JsonReply, caller_of
from api.shapes import list_bytes
from api.threads import Threads

Status = TypeVar("Status", BatchStatus, ItemStatus)


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchLists:
    reads: BatchReads
    cursors: Cursors
    threads: Threads

    async def show_all(self, request: Request) -> Response:
        """Batches, the newest first; live ones without their counts."""
        tenant_id = caller_of(request).tenant_id
        members = checked_query(request, ("status", "limit", "cursor"))
        limit = whole_number(members, "limit", least=1, most=100, default=20)
        given = members.get("status")
        status = None if given is None else _status(BatchStatus, given)
        scope = f"{tenant_id} {given or ''}"
        cursor = members.get("cursor")
        behind = None if cursor is None else self.cursors.read(cursor, scope=scope)
        found = await self.threads.run(
            self.reads.page, tenant_id, limit=limit + 1, status=status, behind=behind
        )
        page, following = found[:limit], None
        if len(found) > limit:
            following = self.cursors.written(page[-1].created_at, page[-1].batch_id, scope=scope)
        texts = [batch_text(batch) for batch in page]
        return JsonReply(list_bytes(texts, next_cursor=following), headers=[NO_STORE])

    async def show_items(self, request: Request) -> Response:
        """The items of a batch in the order of their lines, behind `after`."""
        tenant_id, batch_id = caller_of(request).tenant_id, batch_id_of(request)
        members = checked_query(request, ("status", "after", "limit"))
        limit = whole_number(members, "limit", least=1, most=1_000, default=100)
        after = whole_number(members, "after", least=0, most=10**9 - 1, default=0)
        given = members.get("status")
        status = None if given is None else _status(ItemStatus, given)
        if await self.threads.run(self.reads.batch, tenant_id, batch_id) is None:
            raise no_such_batch()
        found = await self.threads.run(
            self.reads.items, tenant_id, batch_id, after=after, limit=limit + 1, status=status
        )
        page = found[:limit]
        cursor = str(page[-1].number) if len(found) > limit else None
        body = list_bytes([item_text(item) for item in page], next_cursor=cursor)
        return JsonReply(body, headers=[NO_STORE])


def _status(kind: type[Status], value: str) -> Status:
    try:
        return kind(value)
    except ValueError:
        words = ", ".join(kind)
        raise invalid(f"status must be one of {words}", pointer="/status") from None
