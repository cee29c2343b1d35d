"""Deliveries of webhooks: the log of attempts, and having things delivered again."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from agent_workers.domain.ids import TenantId
from agent_workers.domain.webhooks.webhook import DeliveryStatus, delivery_wire, parsed_id
from agent_workers.state.webhooks.deliveries import (
    DeliverySeen,
    Replayed,
    Wanted,
    WebhookDeliveries,
)
from agent_workers.state.webhooks.endpoints import WebhookEndpoints
from api.http.asked import NothingAsked, validated
from api.http.cursors import Cursors
from api.http.json_text import dumped
from api.http.listing import listed
from api.http.queries import checked_query, instant_of, whole_number
from api.http.reading import read_json, read_optional
from api.http.replies import NO_STORE, JsonReply, caller_of
from api.problems import Problem, invalid
from api.process.threads import Threads
from api.webhooks.bodies import KINDS, SpanAsked, TestAsked, delivery_text
from api.webhooks.endpoints import place_of

_FILTERS = ("limit", "cursor", "status", "event_type", "since")
_STATUSES = tuple(status.value for status in DeliveryStatus)
Again = Callable[[TenantId, UUID, datetime, datetime], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookDeliveryRoutes:
    deliveries: WebhookDeliveries
    endpoints: WebhookEndpoints
    cursors: Cursors
    threads: Threads

    async def show_of_endpoint(self, request: Request) -> Response:
        """Deliveries to one endpoint, the newest first."""
        endpoint_id = parsed_id("we", request.path_params["endpoint_id"])
        if endpoint_id is None:
            raise Problem(code="webhook_endpoint_not_found", detail="There is no such endpoint.")
        await self.threads.run(self.endpoints.one, caller_of(request).tenant_id, endpoint_id)
        return await self._page(request, endpoint_id)

    async def show_callbacks(self, request: Request) -> Response:
        """Deliveries to the callback URLs of single jobs, the newest first."""
        return await self._page(request, None)

    async def show(self, request: Request) -> Response:
        """One delivery with all its attempts."""
        tenant_id, delivery_id = _delivery_of(request)
        delivery, attempts = await self.threads.run(self.deliveries.one, tenant_id, delivery_id)
        return JsonReply(delivery_text(delivery, attempts).encode("ascii"), headers=[NO_STORE])

    async def replay(self, request: Request) -> Response:
        """Deliver it once more under the same webhook-id: 202."""
        place = _delivery_of(request)
        await read_optional(request, NothingAsked)
        match await self.threads.run(self.deliveries.replay, *place):
            case Replayed.DISABLED:
                raise _disabled()
            case Replayed.REPLAYED | Replayed.SENDING:
                return await self._shown(*place)

    async def test(self, request: Request) -> Response:
        """Deliver an event that did not happen: 202 with its delivery."""
        tenant_id, endpoint_id = place_of(request)
        asked = await read_optional(request, TestAsked)
        await self.threads.run(self.endpoints.one, tenant_id, endpoint_id)
        made = await self.threads.run(
            self.deliveries.test, tenant_id, endpoint_id, asked.event_type
        )
        if made is None:
            raise _disabled()
        return await self._shown(tenant_id, made)

    async def recover(self, request: Request) -> Response:
        """Deliver once more what failed in a span of time: 202 with how many."""
        return await self._again(request, self.deliveries.recover)

    async def replay_missing(self, request: Request) -> Response:
        """Deliver what was announced in a span of time while the endpoint took nothing."""
        return await self._again(request, self.deliveries.deliver_missing)

    async def _again(self, request: Request, again: Again) -> Response:
        tenant_id, endpoint_id = place_of(request)
        asked = validated(SpanAsked, await read_json(request))
        endpoint = await self.threads.run(self.endpoints.one, tenant_id, endpoint_id)
        if endpoint.status != "enabled":
            raise _disabled()
        until = asked.until or datetime.now(UTC)
        count = await self.threads.run(again, tenant_id, endpoint_id, asked.since, until)
        said = dumped({"object": "webhook_recovery", "deliveries": count})
        return JsonReply(said, status=202, headers=[NO_STORE])

    async def _shown(self, tenant_id: TenantId, delivery_id: UUID) -> Response:
        delivery, attempts = await self.threads.run(self.deliveries.one, tenant_id, delivery_id)
        where = f"/v1/webhook_deliveries/{delivery_wire(delivery_id)}".encode("ascii")
        body = delivery_text(delivery, attempts).encode("ascii")
        return JsonReply(body, status=202, headers=[NO_STORE, (b"location", where)])

    async def _page(self, request: Request, endpoint_id: UUID | None) -> Response:
        tenant_id = caller_of(request).tenant_id
        members = checked_query(request, _FILTERS)
        limit = whole_number(members, "limit", least=1, most=100, default=20)
        asked = [members.get(name) for name in ("status", "event_type", "since")]
        scope = f"{tenant_id}\n{endpoint_id}\n{asked}"
        cursor = members.get("cursor")
        wanted = Wanted(
            endpoint_id=endpoint_id,
            status=_one_of(members, "status", _STATUSES),
            event_type=_one_of(members, "event_type", KINDS),
            since=instant_of(members, "since"),
            behind=None if cursor is None else self.cursors.read(cursor, scope=scope),
        )

        def place(one: DeliverySeen) -> str:
            return self.cursors.written(one.created_at, one.delivery_id, scope=scope)

        read = partial(self.deliveries.list, tenant_id, wanted, limit=limit)
        return await listed(self.threads, read, text=delivery_text, cursor=place)


def _delivery_of(request: Request) -> tuple[TenantId, UUID]:
    checked_query(request, ())
    delivery_id = parsed_id("whd", request.path_params["delivery_id"])
    if delivery_id is None:
        raise Problem(code="webhook_delivery_not_found", detail="There is no such delivery.")
    return caller_of(request).tenant_id, delivery_id


def _one_of(members: dict[str, str], name: str, known: tuple[str, ...]) -> str | None:
    value = members.get(name)
    if value is not None and value not in known:
        raise invalid(f"{name} must be one of {', '.join(known)}", pointer=f"/{name}")
    return value


def _disabled() -> Problem:
    return Problem(
        code="webhook_endpoint_disabled", detail="The endpoint is disabled: enable it first."
    )
