"""/v1/dead_letters: messages that could not be taken; shown, replayed and discarded."""

import base64
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response
from typing_extensions import TypedDict

from agent_workers.domain.ids import DEAD_LETTER_ID, TenantId
from agent_workers.orchestration.triggers.intake import Intake
from agent_workers.state.database.pages import Page
from agent_workers.state.triggers.dead_letters import LetterListed, Letters, LetterSeen, LetterState
from agent_workers.state.triggers.intake import EventsRefused
from api.http.asked import EmptyRequest
from api.http.json_text import instant, text
from api.http.paging import Pages
from api.http.paths import id_of
from api.http.queries import PageQuery, no_query, query_of
from api.http.reading import read_optional
from api.http.replies import NO_STORE, JsonReply, caller_of
from api.http.route import Room, Route
from api.http.shapes import Count, DeadLetterId, Instant, Strings, page_of
from api.problems import Problem, missing
from api.process.threads import Threads
from api.triggers.intake import EVENT_PROBLEMS

_AT = Room("/v1/dead_letters", reads="dead_letters:read", writes="dead_letters:control")


class ListedDeadLetterReply(TypedDict):
    """A message that could not be taken."""

    id: DeadLetterId
    object: Literal["dead_letter"]
    state: LetterState
    origin: str
    code: str
    detail: str
    content_type: str
    bytes: Count
    times: Count
    created_at: Instant
    last_at: Instant
    replayed_at: Instant | None


class DeadLetterReply(ListedDeadLetterReply):
    """A message that could not be taken, as it came."""

    headers: Strings
    body_base64: str


class DeadLettersQuery(PageQuery):
    state: LetterState = LetterState.DEAD


DeadLetterList = page_of("DeadLetterList", ListedDeadLetterReply)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterRoutes:
    letters: Letters
    intake: Intake
    pages: Pages
    threads: Threads

    @Route(_AT, "GET", "listDeadLetters", {200: DeadLetterList}, query=DeadLettersQuery)
    async def show_all(self, request: Request) -> Response:
        """Dead letters, the oldest first; of another state when it is asked for."""
        tenant_id = caller_of(request).tenant_id
        asked = query_of(request, DeadLettersQuery)

        def read(*, limit: int, behind: tuple[datetime, UUID] | None) -> Page[LetterListed]:
            found = self.letters.page(tenant_id, state=asked.state, limit=limit + 1, behind=behind)
            return Page(rows=found[:limit], more=len(found) > limit)

        return await self.pages.reply(
            asked,
            read,
            scope=f"{tenant_id}\n{asked.state}",
            text=_listed_text,
            place=lambda letter: (letter.created_at, letter.letter_id),
        )

    @Route(_AT, "GET /{letter_id}", "getDeadLetter", {200: DeadLetterReply})
    async def show(self, request: Request) -> Response:
        """One dead letter, with its body and headers."""
        no_query(request)
        return await self._reply(caller_of(request).tenant_id, id_of(request, "letter_id"))

    @Route(
        _AT,
        "POST /{letter_id}/replay",
        "replayDeadLetter",
        {200: DeadLetterReply},
        EVENT_PROBLEMS,
        optional_body=EmptyRequest,
    )
    async def replay(self, request: Request) -> Response:
        """Take the message in again; it stays dead when it still cannot be taken."""
        tenant_id, letter_id = caller_of(request).tenant_id, id_of(request, "letter_id")
        no_query(request)
        await read_optional(request, EmptyRequest)
        await self.threads.run(self._replay, tenant_id, letter_id)
        return await self._reply(tenant_id, letter_id)

    @Route(
        _AT,
        "POST /{letter_id}/discard",
        "discardDeadLetter",
        {200: DeadLetterReply},
        optional_body=EmptyRequest,
    )
    async def discard(self, request: Request) -> Response:
        """Put a message aside for good; the same one again stays aside."""
        tenant_id, letter_id = caller_of(request).tenant_id, id_of(request, "letter_id")
        no_query(request)
        await read_optional(request, EmptyRequest)
        await self.threads.run(self.letters.discard, tenant_id, letter_id)
        return await self._reply(tenant_id, letter_id)

    async def _reply(self, tenant_id: TenantId, letter_id: UUID) -> Response:
        return JsonReply(
            await self.threads.run(self._shown, tenant_id, letter_id), headers=[NO_STORE]
        )

    def _shown(self, tenant_id: TenantId, letter_id: UUID) -> bytes:
        """A letter may be of a megabyte, so it is written here, in a thread."""
        return letter_text(self._read(tenant_id, letter_id)).encode("ascii")

    def _replay(self, tenant_id: TenantId, letter_id: UUID) -> None:
        try:
            self.intake.replay(tenant_id, self._read(tenant_id, letter_id), self.letters)
        except EventsRefused as error:
            raise Problem(code="not_stored", detail=str(error)) from error

    def _read(self, tenant_id: TenantId, letter_id: UUID) -> LetterSeen:
        seen = self.letters.one(tenant_id, letter_id)
        if seen is None:
            raise missing("dead_letter_not_found")
        return seen


def letter_text(seen: LetterSeen) -> str:
    """Write a letter as it came, with its body and headers."""
    body = base64.b64encode(seen.message.body).decode("ascii")
    headers = json.dumps(seen.message.headers)
    return f'{_listed_text(seen)[:-1]},"headers":{headers},"body_base64":"{body}"}}'


def _listed_text(letter: LetterListed) -> str:
    return (
        f'{{"id":"{DEAD_LETTER_ID.written(letter.letter_id)}","object":"dead_letter",'
        f'"state":"{letter.state}","origin":{text(letter.origin)},"code":{text(letter.code)},'
        f'"detail":{text(letter.detail)},"content_type":{text(letter.content_type)},'
        f'"bytes":{letter.size},"times":{letter.times},'
        f'"created_at":{instant(letter.created_at)},"last_at":{instant(letter.last_at)},'
        f'"replayed_at":{instant(letter.replayed_at)}}}'
    )
