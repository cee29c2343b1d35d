"""/v1/dead_letters: messages that could not be taken; shown, replayed and discarded."""

import base64
import json
from dataclasses import dataclass
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from agent_workers.domain.ids import TenantId
from agent_workers.domain.triggers.trigger import LETTER, from_wire_form, wire_form
from agent_workers.orchestration.triggers.intake import Intake
from agent_workers.state.triggers.dead_letters import LetterListed, Letters, LetterSeen, LetterState
from agent_workers.state.triggers.intake import EventsRefused
from api.http.asked import NothingAsked
from api.http.cursors import Cursors
from api.http.json_text import instant, list_bytes, text
from api.http.queries import checked_query, whole_number
from api.http.reading import read_optional
from api.http.replies import NO_STORE, JsonReply, caller_of
from api.problems import Problem, invalid
from api.process.threads import Threads


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterRoutes:
    letters: Letters
    intake: Intake
    cursors: Cursors
    threads: Threads

    async def show_all(self, request: Request) -> Response:
        """Dead letters, the oldest first; of another state when it is asked for."""
        tenant_id = caller_of(request).tenant_id
        members = checked_query(request, ("state", "limit", "cursor"))
        limit = whole_number(members, "limit", least=1, most=100, default=20)
        state = _state(members.get("state", LetterState.DEAD))
        scope = f"{tenant_id}\n{state}"
        cursor = members.get("cursor")
        behind = None if cursor is None else self.cursors.read(cursor, scope=scope)
        found = await self.threads.run(
            self.letters.page, tenant_id, state=state, limit=limit + 1, behind=behind
        )
        page, following = found[:limit], None
        if len(found) > limit:
            following = self.cursors.written(page[-1].created_at, page[-1].letter_id, scope=scope)
        texts = [_listed_text(letter) for letter in page]
        return JsonReply(list_bytes(texts, next_cursor=following), headers=[NO_STORE])

    async def show(self, request: Request) -> Response:
        checked_query(request, ())
        return await self._reply(caller_of(request).tenant_id, _letter_id(request))

    async def replay(self, request: Request) -> Response:
        """Take the message in again; it stays dead when it still cannot be taken."""
        tenant_id, letter_id = caller_of(request).tenant_id, _letter_id(request)
        checked_query(request, ())
        await read_optional(request, NothingAsked)
        await self.threads.run(self._replay, tenant_id, letter_id)
        return await self._reply(tenant_id, letter_id)

    async def discard(self, request: Request) -> Response:
        """Put a message aside for good; the same one again stays aside."""
        tenant_id, letter_id = caller_of(request).tenant_id, _letter_id(request)
        checked_query(request, ())
        await read_optional(request, NothingAsked)
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
            raise _no_such_letter()
        return seen


def letter_text(seen: LetterSeen) -> str:
    """Write a letter as it came, with its body and headers."""
    body = base64.b64encode(seen.message.body).decode("ascii")
    headers = json.dumps(seen.message.headers)
    return f'{_listed_text(seen)[:-1]},"headers":{headers},"body_base64":"{body}"}}'


def _listed_text(letter: LetterListed) -> str:
    return (
        f'{{"id":"{wire_form(LETTER, letter.letter_id)}","object":"dead_letter",'
        f'"state":"{letter.state}","origin":{text(letter.origin)},"code":{text(letter.code)},'
        f'"detail":{text(letter.detail)},"content_type":{text(letter.content_type)},'
        f'"bytes":{letter.size},"times":{letter.times},'
        f'"created_at":{instant(letter.created_at)},"last_at":{instant(letter.last_at)},'
        f'"replayed_at":{instant(letter.replayed_at)}}}'
    )


def _state(value: str) -> LetterState:
    try:
        return LetterState(value)
    except ValueError:
        words = ", ".join(LetterState)
        raise invalid(f"state must be one of {words}", pointer="/state") from None


def _letter_id(request: Request) -> UUID:
    letter_id = from_wire_form(LETTER, request.path_params["letter_id"])
    if letter_id is None:
        raise _no_such_letter()
    return letter_id


def _no_such_letter() -> Problem:
    return Problem(code="dead_letter_not_found", detail="There is no such dead letter.")
