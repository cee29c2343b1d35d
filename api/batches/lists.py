"""GET /v1/batches and the items of one batch, in pages."""

from dataclasses import dataclass
from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from agent_workers.domain.batch import BatchStatus, ItemStatus
from agent_workers.state.batches.reads import BatchReads
from api.batches.text import BatchItemList, BatchList, batch_text, item_text
from api.http.listing import listed
from api.http.paging import Pages
from api.http.paths import id_of
from api.http.queries import NumbersQuery, PageQuery, query_of
from api.http.replies import caller_of
from api.http.route import Room, Route
from api.problems import missing
from api.process.threads import Threads

_AT = Room("/v1/batches", reads="batches:read", writes="batches:submit")


class BatchesQuery(PageQuery):
    status: BatchStatus | None = None


class BatchItemsQuery(NumbersQuery):
    status: ItemStatus | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchLists:
    reads: BatchReads
    pages: Pages
    threads: Threads

    @Route(_AT, "GET", "listBatches", {200: BatchList}, query=BatchesQuery)
    async def show_all(self, request: Request) -> Response:
        """Batches, the newest first; live ones without their counts."""
        tenant_id = caller_of(request).tenant_id
        asked = query_of(request, BatchesQuery)
        return await self.pages.reply(
            asked,
            partial(self.reads.page, tenant_id, status=asked.status),
            scope=f"{tenant_id} {asked.status or ''}",
            text=batch_text,
            place=lambda batch: (batch.created_at, batch.batch_id),
        )

    @Route(
        _AT, "GET /{batch_id}/items", "listBatchItems", {200: BatchItemList}, query=BatchItemsQuery
    )
    async def show_items(self, request: Request) -> Response:
        """The items of a batch in the order of their lines, behind `after`."""
        place = (caller_of(request).tenant_id, id_of(request, "batch_id"))
        asked = query_of(request, BatchItemsQuery)
        if await self.threads.run(self.reads.batch, *place) is None:
            raise missing("batch_not_found")
        after, status = asked.after or 0, asked.status
        read = partial(self.reads.items, *place, after=after, limit=asked.limit, status=status)
        return await listed(
            self.threads, read, text=item_text, cursor=lambda item: str(item.number)
        )
