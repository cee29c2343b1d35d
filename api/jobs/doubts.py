"""GET /v1/doubts and verdicts: effects of which nobody can know, and what a person says of them."""

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from agent_workers.domain.ids import TenantId
from agent_workers.orchestration.requests.control import Control
from agent_workers.state.jobs.controls import GivenVerdict
from agent_workers.state.jobs.effects import EffectReads, EffectSeen
from api.http.asked import VerdictRequest, validated
from api.http.json_text import dumped
from api.http.paging import Pages
from api.http.queries import PageQuery, no_query, query_of
from api.http.reading import read_json
from api.http.replies import NO_STORE, JsonReply, caller_of
from api.http.route import Room, Route
from api.jobs.effect_text import EffectList, EffectReply, effect_text
from api.problems import invalid, missing
from api.process.threads import Threads

_AT = Room("/v1/doubts", reads="doubts:read", writes="doubts:judge")


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubts:
    effects: EffectReads
    control: Control
    pages: Pages
    threads: Threads

    @Route(_AT, "GET", "listDoubts", {200: EffectList}, query=PageQuery)
    async def show_all(self, request: Request) -> Response:
        """Effects in doubt, the oldest doubt first."""
        tenant_id = caller_of(request).tenant_id

        def place(effect: EffectSeen) -> tuple[datetime, UUID]:
            assert effect.doubted_at is not None  # an effect in doubt has the time of its doubt
            return effect.doubted_at, effect.effect_key

        return await self.pages.reply(
            query_of(request, PageQuery),
            partial(self.effects.doubts, tenant_id),
            scope=tenant_id,
            text=partial(effect_text, whole=False),
            place=place,
        )

    @Route(_AT, "GET /{effect_key}", "getDoubt", {200: EffectReply})
    async def show(self, request: Request) -> Response:
        """One effect, in doubt or not."""
        no_query(request)
        return await self._reply(caller_of(request).tenant_id, _effect_key(request))

    @Route(
        _AT,
        "POST /{effect_key}/verdict",
        "giveVerdict",
        {200: EffectReply},
        ("illegal_move", "too_early"),
        body=VerdictRequest,
    )
    async def give_verdict(self, request: Request) -> Response:
        """End a doubt: it happened (with its result), it did not, or it is abandoned."""
        caller, effect_key = caller_of(request), _effect_key(request)
        no_query(request)
        body = await read_json(request)
        asked = validated(VerdictRequest, body)
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
            raise missing("effect_not_found")
        body = effect_text(effect, whole=True).encode("utf-8")
        return JsonReply(body, headers=[NO_STORE])


def _effect_key(request: Request) -> UUID:
    try:
        return UUID(request.path_params["effect_key"])
    except ValueError:
        raise missing("effect_not_found") from None
