"""GET /v1/doubts and verdicts: effects of which nobody can know, and what a person says of them."""

from dataclasses import dataclass
from functools import partial
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from agent_workers.domain.ids import TenantId
from agent_workers.orchestration.requests.control import Control
from agent_workers.state.jobs.controls import GivenVerdict
from agent_workers.state.jobs.effects import EffectReads, EffectSeen
from api.http.asked import VerdictAsked, validated
from api.http.cursors import Cursors
from api.http.json_text import dumped
from api.http.listing import listed
from api.http.queries import checked_query, whole_number
from api.http.reading import read_json
from api.http.replies import NO_STORE, JsonReply, caller_of
from api.jobs.text import effect_text
from api.problems import Problem, invalid
from api.process.threads import Threads


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubts:
    effects: EffectReads
    control: Control
    cursors: Cursors
    threads: Threads

    async def show_all(self, request: Request) -> Response:
        """Effects in doubt, the oldest doubt first."""
        tenant_id = caller_of(request).tenant_id
        members = checked_query(request, ("limit", "cursor"))
        limit = whole_number(members, "limit", least=1, most=100, default=20)
        cursor = members.get("cursor")
        behind = None if cursor is None else self.cursors.read(cursor, scope=tenant_id)

        def place(effect: EffectSeen) -> str:
            assert effect.doubted_at is not None  # an effect in doubt has the time of its doubt
            return self.cursors.written(effect.doubted_at, effect.effect_key, scope=tenant_id)

        read = partial(self.effects.doubts, tenant_id, limit=limit, behind=behind)
        text = partial(effect_text, whole=False)
        return await listed(self.threads, read, text=text, cursor=place)

    async def show(self, request: Request) -> Response:
        checked_query(request, ())
        return await self._reply(caller_of(request).tenant_id, _effect_key(request))

    async def give_verdict(self, request: Request) -> Response:
        """End a doubt: it happened (with its result), it did not, or it is abandoned."""
        caller, effect_key = caller_of(request), _effect_key(request)
        checked_query(request, ())
        body = await read_json(request)
        asked = validated(VerdictAsked, body)
        if asked.result is not None and asked.verdict is not GivenVerdict.HAPPENED:
            raise invalid("goes only with the verdict `happened`", pointer="/result")
        await self.threads.run(
            self.control.give_verdict,
            caller.tenant_id,
            effect_key,
            verdict=asked.verdict,
            result=dumped(asked.result) if asked.verdict is GivenVerdict.HAPPENED else None,
            by=f"key:{caller.key_id}",
            reason=asked.reason,
        )
        return await self._reply(caller.tenant_id, effect_key)

    async def _reply(self, tenant_id: TenantId, effect_key: UUID) -> Response:
        effect = await self.threads.run(self.effects.effect, tenant_id, effect_key)
        if effect is None:
            raise _no_such_effect()
        body = effect_text(effect, whole=True).encode("utf-8")
        return JsonReply(body, headers=[NO_STORE])


def _effect_key(request: Request) -> UUID:
    try:
        return UUID(request.path_params["effect_key"])
    except ValueError:
        raise _no_such_effect() from None


def _no_such_effect() -> Problem:
    return Problem(code="effect_not_found", detail="There is no such effect.")
