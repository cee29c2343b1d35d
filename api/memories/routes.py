"""/v1/memories: what agents were told to remember, shown, exported, forgotten and taken back."""

from dataclasses import dataclass
from functools import partial
from typing import Annotated, Literal
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from agent_workers.domain.ids import TenantId, from_wire
from agent_workers.domain.memory.memory import Memory, spelled_subject
from agent_workers.state.database.pages import Page
from agent_workers.state.memories.rows import MemoryRows, Which
from api.http.json_text import dumped
from api.http.listing import streamed
from api.http.paging import Pages
from api.http.paths import id_of, job_id_of
from api.http.queries import NoQuery, PageQuery, no_query, query_of
from api.http.replies import NO_STORE, EmptyReply, JsonReply, caller_of
from api.http.route import Reply, Room, Route
from api.http.shapes import AnyJobIdText, Described
from api.memories.text import (
    MemoriesRemovedReply,
    MemoryList,
    MemoryWithReplacedReply,
    memory_text,
    with_replaced,
)
from api.problems import invalid
from api.process.threads import Threads

_AT = Room("/v1/memories", reads="memories:read", writes="memories:write")
_OF_JOBS = Room("/v1/jobs", reads="memories:read", writes="memories:write")

EXPORT_TYPE = "application/x-ndjson"
_EXPORTED_AT_ONCE = 500
_LINES = Reply(description="One `Memory` on each line", model=str, media=(EXPORT_TYPE,))


class MemoriesQuery(PageQuery):
    user_id: str | None = None
    subject: str | None = None
    job_id: Annotated[str, Described(AnyJobIdText)] | None = None
    history: Literal["true", "false"] = "false"


class ExportQuery(NoQuery):
    user_id: str | None = None


class UserQuery(NoQuery):
    user_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryRoutes:
    rows: MemoryRows
    pages: Pages
    threads: Threads

    @Route(_AT, "GET", "listMemories", {200: MemoryList}, query=MemoriesQuery)
    async def show_all(self, request: Request) -> Response:
        """Memories that count, the newest first; with `history=true` all that there are."""
        tenant_id = caller_of(request).tenant_id
        asked = query_of(request, MemoriesQuery)
        which = _which(asked)
        return await self.pages.reply(
            asked,
            partial(self.rows.page, tenant_id, which),
            scope=f"{tenant_id}\n{which}",
            text=memory_text,
            place=lambda one: (one.created_at, one.memory_id),
        )

    @Route(_AT, "GET /{memory_id}", "getMemory", {200: MemoryWithReplacedReply})
    async def show(self, request: Request) -> Response:
        """One memory, with the newest that it has replaced."""
        place = _place_of(request)
        memory = await self.threads.run(self.rows.one, *place)
        replaced = await self.threads.run(self.rows.replaced_by, *place)
        body = with_replaced(memory, replaced).encode("utf-8")
        return JsonReply(body, headers=[NO_STORE])

    @Route(
        _AT,
        "DELETE /{memory_id}",
        "forgetMemory",
        {204: "Deleted, with the memories that it had replaced"},
    )
    async def forget(self, request: Request) -> Response:
        """Delete a memory with what it had replaced: nothing older comes back."""
        await self.threads.run(self.rows.forget, *_place_of(request))
        return EmptyReply(204)

    @Route(_AT, "DELETE", "forgetUserMemories", {200: MemoriesRemovedReply}, query=UserQuery)
    async def forget_user(self, request: Request) -> Response:
        """Delete everything that is remembered of a user."""
        user_id = query_of(request, UserQuery).user_id
        tenant_id = caller_of(request).tenant_id
        removed = await self.threads.run(self.rows.forget_user, tenant_id, user_id)
        return _removed(removed)

    @Route(
        _OF_JOBS,
        "DELETE /{job_id}/memories",
        "takeBackMemories",
        {200: MemoriesRemovedReply},
        ("illegal_move",),
    )
    async def take_back(self, request: Request) -> Response:
        """Remove what an ended job taught; what that had replaced counts again."""
        no_query(request)
        place = (caller_of(request).tenant_id, job_id_of(request))
        done = await self.threads.run(self.rows.unlearn_job, *place)
        return _removed(done.removed, done.restored)

    @Route(_AT, "GET .jsonl", "exportMemories", {200: _LINES}, query=ExportQuery)
    async def export(self, request: Request) -> Response:
        """Everything that is remembered, history included, a line each, as a stream."""
        tenant_id = caller_of(request).tenant_id
        which = Which(user_id=query_of(request, ExportQuery).user_id, history=True)

        def read(last: Memory | None) -> Page[Memory]:
            behind = None if last is None else (last.created_at, last.memory_id)
            return self.rows.page(tenant_id, which, limit=_EXPORTED_AT_ONCE, behind=behind)

        lines = streamed(self.threads, read, text=lambda one: f"{memory_text(one)}\n")
        headers = {"cache-control": "no-store"}
        return StreamingResponse(lines, media_type=EXPORT_TYPE, headers=headers)


def _removed(removed: int, restored: int = 0) -> Response:
    told: MemoriesRemovedReply = {
        "object": "memories_removed",
        "removed": removed,
        "restored": restored,
    }
    return JsonReply(dumped(told), headers=[NO_STORE])


def _which(asked: MemoriesQuery) -> Which:
    subject = asked.subject
    return Which(
        user_id=asked.user_id,
        subject=None if subject is None else spelled_subject(subject),
        job_id=None if asked.job_id is None else _job_of(asked.job_id),
        history=asked.history == "true",
    )


def _job_of(text: str) -> UUID:
    job_id = from_wire(text)
    if job_id is None:
        raise invalid("job_id must be the id of a job", pointer="/job_id")
    return job_id


def _place_of(request: Request) -> tuple[TenantId, UUID]:
    no_query(request)
    return caller_of(request).tenant_id, id_of(request, "memory_id")
