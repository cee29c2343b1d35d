"""/v1/sessions: what was said in a conversation, whose turn it is, and forgetting it."""

import re
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Annotated
from uuid import uuid4

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from agent_workers.domain.ids import TenantId
from agent_workers.domain.memory.session import Role
from agent_workers.state.sessions.calls import NewMessage, SessionCalls, SessionSeen
from api.http.asked import validated
from api.http.cursors import Cursors
from api.http.forms import SESSION_FORM
from api.http.idempotency import keyed
from api.http.json_text import dumped
from api.http.listing import listed
from api.http.queries import Number, PageQuery, no_query, query_of
from api.http.reading import read_json
from api.http.replies import NO_STORE, REPLAYED, EmptyReply, JsonReply, caller_of
from api.http.route import Room, Route
from api.problems import Problem, invalid
from api.process.threads import Threads
from api.sessions.bodies import (
    MessageRequest,
    SessionList,
    SessionMessageList,
    SessionMessageReply,
    SessionReply,
    calls_bytes,
    message_text,
    session_text,
)

_AT = Room("/v1/sessions", reads="sessions:read", writes="sessions:write")

_CURSOR = re.compile(r"(\d{1,9})-([01])")
_NO_CURSOR = "The cursor does not belong to this list."


class SessionsQuery(PageQuery):
    cursor: (
        Annotated[str, Field(json_schema_extra={"pattern": "^[A-Za-z0-9_=-]{1,400}$"})] | None
    ) = None


class MessagesQuery(PageQuery):
    limit: Annotated[Number, Field(ge=1, le=100)] = 50
    cursor: Annotated[str, Field(json_schema_extra={"pattern": "^[0-9]{1,9}-[01]$"})] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRoutes:
    sessions: SessionCalls
    cursors: Cursors
    threads: Threads

    @Route(_AT, "GET /{session_id}", "getSession", {200: SessionReply})
    async def show(self, request: Request) -> Response:
        """One session: how much was said, and which jobs run or wait in it."""
        tenant_id, session_id = _place(request)
        no_query(request)
        seen = await self.threads.run(self.sessions.one, tenant_id, session_id)
        return JsonReply(session_text(seen).encode(), headers=[NO_STORE])

    @Route(_AT, "GET", "listSessions", {200: SessionList}, query=SessionsQuery)
    async def show_all(self, request: Request) -> Response:
        """The caller's sessions, the last used first."""
        tenant_id = caller_of(request).tenant_id
        asked = query_of(request, SessionsQuery)
        behind = None if asked.cursor is None else self._behind(asked.cursor, tenant_id)
        read = partial(self.sessions.page, tenant_id, limit=asked.limit, behind=behind)
        cursor_of = partial(self._cursor, tenant_id)
        return await listed(self.threads, read, text=session_text, cursor=cursor_of)

    @Route(_AT, "DELETE /{session_id}", "clearSession", {204: "Cleared"})
    async def clear(self, request: Request) -> Response:
        """Forget what was said; jobs that have not ended keep their turns."""
        tenant_id, session_id = _place(request)
        no_query(request)
        await self.threads.run(self.sessions.clear, tenant_id, session_id)
        return EmptyReply(204, headers=[NO_STORE])

    @Route(
        _AT,
        "GET /{session_id}/messages",
        "listMessages",
        {200: SessionMessageList},
        ("invalid_cursor",),
        query=MessagesQuery,
    )
    async def show_messages(self, request: Request) -> Response:
        """What was said, oldest first: a job's input and its answer have the same turn."""
        tenant_id, session_id = _place(request)
        asked = query_of(request, MessagesQuery)
        place, after = (tenant_id, session_id), _behind(asked.cursor)
        read = partial(self.sessions.messages, *place, after=after, limit=asked.limit)
        return await listed(
            self.threads, read, text=message_text, cursor=lambda one: f"{one.turn}-{one.part}"
        )

    @Route(
        _AT,
        "POST /{session_id}/messages",
        "addMessage",
        {201: SessionMessageReply},
        ("session_of_another", "session_busy", "quota_reached"),
        body=MessageRequest,
        key="adds one message",
    )
    async def add(self, request: Request) -> Response:
        """Add a message that no job says; later jobs of the session see it."""
        tenant_id, session_id = _place(request)
        no_query(request)
        body = await read_json(request)
        asked = validated(MessageRequest, body)
        once = keyed(request, f"POST /v1/sessions/{session_id}/messages", body)
        new = NewMessage(
            tenant_id=tenant_id,
            session_id=session_id,
            role=Role(asked.role),
            content=dumped(asked.content),
            calls=calls_bytes(asked),
            call_id=asked.call_id or "",
            user_id=asked.user_id,
            key=once.key,
            fingerprint=once.fingerprint,
        )
        seen, replayed = await self.threads.run(self.sessions.add, new, message_id=uuid4())
        told = [REPLAYED] if replayed else []
        return JsonReply(message_text(seen).encode(), status=201, headers=[NO_STORE, *told])

    def _cursor(self, tenant_id: TenantId, last: SessionSeen) -> str:
        name = last.session_id.encode("ascii")
        return self.cursors.written_named(last.used_at, name, scope=tenant_id)

    def _behind(self, cursor: str, tenant_id: TenantId) -> tuple[datetime, str]:
        at, name = self.cursors.read_named(cursor, scope=tenant_id)
        return at, name.decode("ascii")


def _place(request: Request) -> tuple[TenantId, str]:
    session_id: str = request.path_params["session_id"]
    if not re.fullmatch(SESSION_FORM, session_id):
        raise Problem(code="session_not_found", detail="There is no such session.")
    return caller_of(request).tenant_id, session_id


def _behind(cursor: str | None) -> tuple[int, int]:
    if cursor is None:
        return 0, 0
    # A place among the messages of the session that the path names: of no use elsewhere.
    found = _CURSOR.fullmatch(cursor) if cursor.isascii() else None
    if found is None:
        raise invalid(_NO_CURSOR, pointer="/cursor", code="invalid_cursor")
    return int(found[1]), int(found[2])
