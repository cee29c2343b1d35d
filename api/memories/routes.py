"""/v1/memories: what agents were told to remember, shown, exported, forgotten and taken back."""

from dataclasses import dataclass
from functools import partial
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from agent_workers.domain.ids import TenantId, from_wire
from agent_workers.domain.memory.memory import Memory, memory_from_wire, spelled_subject
from agent_workers.state.database.pages import Page
from agent_workers.state.memories.rows import MemoryRows, Which
from api.http.cursors import Cursors
from api.http.json_text import dumped
from api.http.listing import listed, streamed
from api.http.queries import checked_query, job_id_of, whole_number
from api.http.replies import NO_STORE, EmptyReply, JsonReply, caller_of
from api.memories.text import memory_text, with_replaced
from api.problems import Problem, invalid
from api.process.threads import Threads

EXPORT_TYPE = "application/x-ndjson"
_FILTERS = ("user_id", "subject", "job_id", "history")
_EXPORTED_AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryRoutes:
    rows: MemoryRows
    cursors: Cursors
    threads: Threads

    async def show_all(self, request: Request) -> Response:
        """Memories that count, the newest first; with `history=true` all that there are."""
        tenant_id = caller_of(request).tenant_id
        members = checked_query(request, (*_FILTERS, "limit", "cursor"))
        which = _which(members)
        limit = whole_number(members, "limit", least=1, most=100, default=20)
        cursor, scope = members.get("cursor"), f"{tenant_id}\n{which}"
        behind = None if cursor is None else self.cursors.read(cursor, scope=scope)

        def place(one: Memory) -> str:
            return self.cursors.written(one.created_at, one.memory_id, scope=scope)

        read = partial(self.rows.page, tenant_id, which, limit=limit, behind=behind)
        return await listed(self.threads, read, text=memory_text, cursor=place)

    async def show(self, request: Request) -> Response:
        """One memory, with the newest that it has replaced."""
        place = _place_of(request)
        memory = await self.threads.run(self.rows.one, *place)
        replaced = await self.threads.run(self.rows.replaced_by, *place)
        body = with_replaced(memory, replaced).encode("utf-8")
        return JsonReply(body, headers=[NO_STORE])

    async def forget(self, request: Request) -> Response:
        """Delete a memory with what it had replaced: nothing older comes back."""
        await self.threads.run(self.rows.forget, *_place_of(request))
        return EmptyReply(204)

    async def forget_user(self, request: Request) -> Response:
        """Delete everything that is remembered of a user."""
        tenant_id = caller_of(request).tenant_id
        members = checked_query(request, ("user_id",))
        if "user_id" not in members:
            raise invalid(
                "user_id is required: it says whose memories to delete.", pointer="/user_id"
            )
        removed = await self.threads.run(self.rows.forget_user, tenant_id, members["user_id"])
        return _removed(removed)

    async def take_back(self, request: Request) -> Response:
        """Remove what an ended job taught; what that had replaced counts again."""
        checked_query(request, ())
        place = (caller_of(request).tenant_id, job_id_of(request))
        done = await self.threads.run(self.rows.unlearn_job, *place)
        return _removed(done.removed, done.restored)

    async def export(self, request: Request) -> Response:
        """Everything that is remembered, history included, a line each, as a stream."""
        tenant_id = caller_of(request).tenant_id
        members = checked_query(request, ("user_id",))
        which = Which(user_id=members.get("user_id"), history=True)

        def read(last: Memory | None) -> Page[Memory]:
            behind = None if last is None else (last.created_at, last.memory_id)
            return self.rows.page(tenant_id, which, limit=_EXPORTED_AT_ONCE, behind=behind)

        lines = streamed(self.threads, read, text=lambda one: f"{memory_text(one)}\n")
        headers = {"cache-control": "no-store"}
        return StreamingResponse(lines, media_type=EXPORT_TYPE, headers=headers)


def _removed(removed: int, restored: int = 0) -> Response:
    told = {"object": "memories_removed", "removed": removed, "restored": restored}
    return JsonReply(dumped(told), headers=[NO_STORE])


def _which(members: dict[str, str]) -> Which:
    job_id, history = members.get("job_id"), members.get("history", "false")
    if history not in {"true", "false"}:
        raise invalid("history must be true or false", pointer="/history")
    subject = members.get("subject")
    return Which(
        user_id=members.get("user_id"),
        subject=None if subject is None else spelled_subject(subject),
        job_id=None if job_id is None else _job_of(job_id),
        history=history == "true",
    )


def _job_of(text: str) -> UUID:
    job_id = from_wire(text)
    if job_id is None:
        raise invalid("job_id must be the id of a job", pointer="/job_id")
    return job_id


def _place_of(request: Request) -> tuple[TenantId, UUID]:
    checked_query(request, ())
    memory_id = memory_from_wire(request.path_params["memory_id"])
    if memory_id is None:
        raise Problem(code="memory_not_found", detail="There is no such memory.")
    return caller_of(request).tenant_id, memory_id
