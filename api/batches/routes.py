"""/v1/batches: many jobs asked for together, uploaded a line each, and what came of them."""

import secrets
import time
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse

from agent_workers.domain.batch import ENDED, BatchItem, BatchStatus
from agent_workers.domain.ids import BATCH_ID, TenantId, time_ordered
from agent_workers.orchestration.requests.batches import BatchRuns
from agent_workers.state.batches.reads import BatchReads, BatchSeen, ResultSeen
from agent_workers.state.batches.rows import ClashingItems
from agent_workers.state.catalogue.agents import Agents
from agent_workers.state.database.pages import Page
from agent_workers.state.jobs.submissions import Pace
from api.batches.bodies import (
    BatchCancelRequest,
    BatchRequest,
    StartRequest,
    item_of,
    items_of,
    terms_of,
)
from api.batches.text import BatchReply, BatchUploadReply, batch_text, result_line
from api.batches.upload import Chunk, Tally, chunks, keep
from api.http.asked import validated
from api.http.idempotency import keyed
from api.http.json_text import dumped
from api.http.listing import streamed
from api.http.paths import id_of
from api.http.queries import no_query
from api.http.reading import read_json, read_optional
from api.http.replies import NO_STORE, REPLAYED, EmptyReply, JsonReply, caller_of
from api.http.route import Reply, Room, Route
from api.jobs.agents_asked import taking_jobs
from api.problems import Mistake, Problem, invalid, missing
from api.process.threads import Threads

_AT = Room("/v1/batches", reads="batches:read", writes="batches:submit")

UPLOAD_TYPE = "application/x-ndjson"
_RESULTS_AT_ONCE = 500
_CLOSE = {"connection": "close"}
_BEGUN = Reply(model=BatchReply, description="The batch runs, or waits for its items")
_STOPPING = Reply(model=BatchReply, description="Stopping: some of its jobs are still running")
_LINES = Reply(model=str, description="One line for each item that has ended", media=(UPLOAD_TYPE,))


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRoutes:
    runs: BatchRuns
    reads: BatchReads
    agents: Agents
    threads: Threads
    allow_private_callbacks: bool = False

    @Route(
        _AT,
        "POST",
        "createBatch",
        {202: _BEGUN},
        ("unknown_agent", "agent_retired", "quota_reached"),
        body=BatchRequest,
        key="gives the same batch",
    )
    async def create(self, request: Request) -> Response:
        """Take a batch: with jobs or items it begins at once, without it waits for an upload."""
        body = await read_json(request)
        asked = validated(BatchRequest, body)
        terms = terms_of(asked)
        items = items_of(asked, allow_private=self.allow_private_callbacks)
        tenant_id = caller_of(request).tenant_id
        await self._check_agents(tenant_id, items, "jobs" if asked.jobs is not None else "items")
        start = asked.jobs is not None or asked.items is not None
        batch_id = time_ordered(time.time_ns() // 1_000_000, secrets.token_bytes(10))
        once = keyed(request, "POST /v1/batches", body)
        create = partial(
            self.runs.create,
            items=items,
            start=start,
            key=once.key,
            fingerprint=once.fingerprint,
        )
        try:
            opened = await self.threads.run(create, tenant_id, batch_id, terms)
        except ClashingItems as error:
            pointer = f"/{'jobs' if asked.jobs is not None else 'items'}/{error.places[0] - 1}"
            raise invalid("the custom_id is given twice", pointer=pointer + "/custom_id") from None
        headers = [
            (b"location", f"/v1/batches/{BATCH_ID.written(opened.batch_id)}".encode("ascii"))
        ]
        if opened.replayed:
            headers.append(REPLAYED)
        return await self._reply(tenant_id, opened.batch_id, status=202, headers=headers)

    @Route(_AT, "GET /{batch_id}", "getBatch", {200: BatchReply})
    async def show(self, request: Request) -> Response:
        """One batch, with the counts of its items."""
        no_query(request)
        return await self._reply(caller_of(request).tenant_id, id_of(request, "batch_id"))

    @Route(
        _AT,
        "PUT /{batch_id}/items",
        "uploadBatchItems",
        {200: BatchUploadReply},
        ("batch_not_open", "invalid_lines", "too_many_items", "quota_reached"),
        bodies={UPLOAD_TYPE: str},
    )
    async def upload(self, request: Request) -> Response:
        """Keep items of an open batch, a line each; what is right is kept, what is not is told."""
        tenant_id, batch_id = caller_of(request).tenant_id, id_of(request, "batch_id")
        no_query(request)
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in {UPLOAD_TYPE, "application/jsonl"}:
            detail = f"Send `content-type: {UPLOAD_TYPE}`, not {kind[:100]!r}."
            raise Problem(code="unsupported_media_type", detail=detail, headers=_CLOSE)
        batch = await self._read(tenant_id, batch_id)
        if batch.status is not BatchStatus.OPEN:
            detail = f"The batch is {batch.status}: it takes no more items."
            raise Problem(code="batch_not_open", detail=detail, headers=_CLOSE)
        tally = Tally()
        try:
            async for chunk in chunks(request.stream()):
                await self.threads.run(self._keep, batch, tenant_id, chunk, tally)
                if tally.has_enough:
                    break
        except ClientDisconnect:
            return EmptyReply(400)  # nobody hears it; what was kept stays, for the next try
        return _told(tally)

    @Route(
        _AT,
        "POST /{batch_id}/start",
        "startBatch",
        {202: _BEGUN},
        ("batch_not_open", "items_missing"),
        optional_body=StartRequest,
    )
    async def start(self, request: Request) -> Response:
        """Take no more items, and begin."""
        tenant_id, batch_id = caller_of(request).tenant_id, id_of(request, "batch_id")
        no_query(request)
        asked = await read_optional(request, StartRequest)
        batch = await self._read(tenant_id, batch_id)
        if asked.item_count is not None and asked.item_count != batch.item_count:
            detail = f"item_count is {batch.item_count}, not {asked.item_count}."
            raise Problem(code="items_missing", detail=detail)
        status = await self.threads.run(self.runs.start, tenant_id, batch_id)
        if status in {BatchStatus.STOPPING, BatchStatus.CANCELED, BatchStatus.EXPIRED}:
            raise Problem(code="batch_not_open", detail=f"The batch is {status}.")
        return await self._reply(tenant_id, batch_id, status=202)

    @Route(
        _AT,
        "POST /{batch_id}/cancel",
        "cancelBatch",
        {200: BatchReply, 202: _STOPPING},
        ("illegal_move",),
        optional_body=BatchCancelRequest,
        scope="batches:control",
    )
    async def cancel(self, request: Request) -> Response:
        """Stop a batch: 200 when it has ended, 202 while something of it still runs."""
        tenant_id, batch_id = caller_of(request).tenant_id, id_of(request, "batch_id")
        no_query(request)
        asked = await read_optional(request, BatchCancelRequest)
        status = await self.threads.run(
            self.runs.cancel, tenant_id, batch_id, reason=asked.reason or "canceled"
        )
        if status in ENDED - {BatchStatus.CANCELED}:
            raise Problem(code="illegal_move", detail=f"The batch is {status}.")
        batch = await self._read(tenant_id, batch_id)
        code = 200 if batch.status in ENDED else 202
        return JsonReply(batch_text(batch).encode(), status=code, headers=[NO_STORE])

    @Route(_AT, "GET /{batch_id}/results.jsonl", "getBatchResults", {200: _LINES})
    async def results(self, request: Request) -> Response:
        """What came of each item that has ended, a line each, as a stream."""
        tenant_id, batch_id = caller_of(request).tenant_id, id_of(request, "batch_id")
        no_query(request)
        batch = await self._read(tenant_id, batch_id)
        headers = {"cache-control": "no-store", "x-batch-status": batch.status.value}

        def read(last: ResultSeen | None) -> Page[ResultSeen]:
            after = 0 if last is None else last.number
            return self.reads.results(tenant_id, batch_id, after=after, limit=_RESULTS_AT_ONCE)

        lines = streamed(self.threads, read, text=result_line)
        return StreamingResponse(lines, media_type=UPLOAD_TYPE, headers=headers)

    def _keep(self, batch: BatchSeen, tenant_id: TenantId, chunk: Chunk, tally: Tally) -> None:
        said: dict[str, str] = {}

        def objection(agent: str) -> str:
            if agent not in said:
                said[agent] = Pace.objection(self.agents.known(tenant_id, agent), agent)[1]
            return said[agent]

        read = partial(item_of, template=batch.template, allow_private=self.allow_private_callbacks)
        store = partial(self.runs.add, tenant_id, batch.batch_id)
        keep(chunk, read=read, objection=objection, store=store, tally=tally)

    async def _check_agents(self, tenant_id: TenantId, items: list[BatchItem], name: str) -> None:
        for agent in {item.agent for item in items}:
            pace = await self.threads.run(self.agents.known, tenant_id, agent)
            place = next(n for n, item in enumerate(items) if item.agent == agent)
            taking_jobs(pace, agent, pointer=f"/{name}/{place}/agent")

    async def _read(self, tenant_id: TenantId, batch_id: UUID) -> BatchSeen:
        batch = await self.threads.run(self.reads.batch, tenant_id, batch_id)
        if batch is None:
            raise missing("batch_not_found")
        return batch

    async def _reply(
        self,
        tenant_id: TenantId,
        batch_id: UUID,
        *,
        status: int = 200,
        headers: list[tuple[bytes, bytes]] | None = None,
    ) -> Response:
        batch = await self._read(tenant_id, batch_id)
        body = batch_text(batch).encode("utf-8")
        return JsonReply(body, status=status, headers=[NO_STORE, *(headers or [])])


def _told(tally: Tally) -> Response:
    told: BatchUploadReply = {
        "object": "batch.upload",
        "lines": tally.lines,
        "stored": tally.stored,
        "known": tally.known,
    }
    if not tally.mistakes:
        return JsonReply(dumped(told), headers=[NO_STORE])
    mistakes: list[Mistake] = tally.mistakes[:100]
    headers = _CLOSE if tally.has_enough else None
    detail = f"{mistakes[0].detail} ({tally.stored} stored, {tally.known} stored before)"
    raise Problem(code="invalid_lines", detail=detail, mistakes=mistakes, headers=headers)
