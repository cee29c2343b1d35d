"""GET /v1/batches and the items of one batch, in pages."""

from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import Response

from agent_workers.domain.batch import BatchStatus, ItemStatus
from agent_workers.state.batches.reads import BatchReads, BatchSeen
from api.batches.routes import batch_id_of, no_such_batch
from api.batches.text import batch_text, item_text
from api.http.cursors import Cursors
from api.http.listing import listed
from api.http.queries import checked_query, whole_number
from api.http.replies import caller_of
from api.problems import invalid
from api.process.threads import Threads

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

        def place(batch: BatchSeen) -> str:
            return self.cursors.written(batch.created_at, batch.batch_id, scope=scope)

        read = partial(self.reads.page, tenant_id, limit=limit, status=status, behind=behind)
        return await listed(self.threads, read, text=batch_text, cursor=place)

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
        place = (tenant_id, batch_id)
        read = partial(self.reads.items, *place, after=after, limit=limit, status=status)
        return await listed(
            self.threads, read, text=item_text, cursor=lambda item: str(item.number)
        )


def _status(kind: type[Status], value: str) -> Status:
    try:
        return kind(value)
    except ValueError:
        words = ", ".join(kind)
        raise invalid(f"status must be one of {words}", pointer="/status") from None
