"""Deliveries of webhooks: the log of attempts, and having things delivered again."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response
from typing_extensions import TypedDict

from agent_workers.domain.events import Announced
from agent_workers.domain.ids import DELIVERY_ID, TenantId
from agent_workers.domain.webhooks.webhook import DeliveryStatus
from agent_workers.state.database.pages import Page
from agent_workers.state.webhooks.deliveries import (
    DeliverySeen,
    Replayed,
    Wanted,
    WebhookDeliveries,
)
from agent_workers.state.webhooks.endpoints import WebhookEndpoints
from api.http.asked import EmptyRequest, validated
from api.http.json_text import dumped
from api.http.paging import Pages
from api.http.paths import id_of
from api.http.queries import InstantAsked, PageQuery, no_query, query_of
from api.http.reading import read_json, read_optional
from api.http.replies import NO_STORE, JsonReply, caller_of
from api.http.route import Reply, Room, Route
from api.http.shapes import Count
from api.problems import Problem
from api.process.threads import Threads
from api.webhooks.bodies import (
    WebhookDeliveryList,
    WebhookDeliveryReply,
    WebhookSpan,
    WebhookTestRequest,
    delivery_text,
)
from api.webhooks.endpoints import place_of

_AT = Room("/v1/webhook_deliveries", reads="webhooks:read", writes="webhooks:write")
_OF_ENDPOINTS = Room("/v1/webhook_endpoints", reads="webhooks:read", writes="webhooks:write")

Again = Callable[[TenantId, UUID, datetime, datetime], int]


class DeliveriesQuery(PageQuery):
    status: DeliveryStatus | None = None
    event_type: Announced | None = None
    since: InstantAsked | None = None


class WebhookRecoveryReply(TypedDict):
    object: Literal["webhook_recovery"]
    deliveries: Count


_QUEUED = Reply(model=WebhookDeliveryReply, description="The delivery is queued")
_ALL_QUEUED = Reply(model=WebhookRecoveryReply, description="The deliveries are queued")


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookDeliveryRoutes:
    deliveries: WebhookDeliveries
    endpoints: WebhookEndpoints
    pages: Pages
    threads: Threads

    @Route(
        _OF_ENDPOINTS,
        "GET /{endpoint_id}/deliveries",
        "listWebhookDeliveries",
        {200: WebhookDeliveryList},
        query=DeliveriesQuery,
    )
    async def show_of_endpoint(self, request: Request) -> Response:
        """Deliveries to one endpoint, the newest first."""
        endpoint_id = id_of(request, "endpoint_id")
        await self.threads.run(self.endpoints.one, caller_of(request).tenant_id, endpoint_id)
        return await self._page(request, endpoint_id)

    @Route(_AT, "GET", "listCallbackDeliveries", {200: WebhookDeliveryList}, query=DeliveriesQuery)
    async def show_callbacks(self, request: Request) -> Response:
        """Deliveries to the callback URLs of single jobs, the newest first."""
        return await self._page(request, None)

    @Route(_AT, "GET /{delivery_id}", "getWebhookDelivery", {200: WebhookDeliveryReply})
    async def show(self, request: Request) -> Response:
        """One delivery with all its attempts."""
        tenant_id, delivery_id = _delivery_of(request)
        delivery, attempts = await self.threads.run(self.deliveries.one, tenant_id, delivery_id)
        return JsonReply(delivery_text(delivery, attempts).encode("ascii"), headers=[NO_STORE])

    @Route(
        _AT,
        "POST /{delivery_id}/replay",
        "replayWebhookDelivery",
        {202: _QUEUED},
        ("webhook_endpoint_disabled",),
        optional_body=EmptyRequest,
    )
    async def replay(self, request: Request) -> Response:
        """Deliver it once more under the same webhook-id: 202."""
        place = _delivery_of(request)
        await read_optional(request, EmptyRequest)
        match await self.threads.run(self.deliveries.replay, *place):
            case Replayed.DISABLED:
                raise _disabled()
            case Replayed.REPLAYED | Replayed.SENDING:
                return await self._shown(*place)

    @Route(
        _OF_ENDPOINTS,
        "POST /{endpoint_id}/test",
        "testWebhookEndpoint",
        {202: _QUEUED},
        ("webhook_endpoint_disabled",),
        optional_body=WebhookTestRequest,
    )
    async def test(self, request: Request) -> Response:
        """Deliver an event that did not happen: 202 with its delivery."""
        tenant_id, endpoint_id = place_of(request)
        asked = await read_optional(request, WebhookTestRequest)
        await self.threads.run(self.endpoints.one, tenant_id, endpoint_id)
        made = await self.threads.run(
            self.deliveries.test, tenant_id, endpoint_id, asked.event_type
        )
        if made is None:
            raise _disabled()
        return await self._shown(tenant_id, made)

    @Route(
        _OF_ENDPOINTS,
        "POST /{endpoint_id}/recover",
        "recoverWebhooks",
        {202: _ALL_QUEUED},
        ("webhook_endpoint_disabled",),
        body=WebhookSpan,
    )
    async def recover(self, request: Request) -> Response:
        """Deliver once more what failed in a span of time: 202 with how many."""
        return await self._again(request, self.deliveries.recover)

    @Route(
        _OF_ENDPOINTS,
        "POST /{endpoint_id}/replay_missing",
        "replayMissingWebhooks",
        {202: _ALL_QUEUED},
        ("webhook_endpoint_disabled",),
        body=WebhookSpan,
    )
    async def replay_missing(self, request: Request) -> Response:
        """Deliver what was announced in a span of time while the endpoint took nothing."""
        return await self._again(request, self.deliveries.deliver_missing)

    async def _again(self, request: Request, again: Again) -> Response:
        tenant_id, endpoint_id = place_of(request)
        asked = validated(WebhookSpan, await read_json(request))
        endpoint = await self.threads.run(self.endpoints.one, tenant_id, endpoint_id)
        if endpoint.status != "enabled":
            raise _disabled()
        until = asked.until or datetime.now(UTC)
        count = await self.threads.run(again, tenant_id, endpoint_id, asked.since, until)
        said: WebhookRecoveryReply = {"object": "webhook_recovery", "deliveries": count}
        return JsonReply(dumped(said), status=202, headers=[NO_STORE])

    async def _shown(self, tenant_id: TenantId, delivery_id: UUID) -> Response:
        delivery, attempts = await self.threads.run(self.deliveries.one, tenant_id, delivery_id)
        where = f"/v1/webhook_deliveries/{DELIVERY_ID.written(delivery_id)}".encode("ascii")
        body = delivery_text(delivery, attempts).encode("ascii")
        return JsonReply(body, status=202, headers=[NO_STORE, (b"location", where)])

    async def _page(self, request: Request, endpoint_id: UUID | None) -> Response:
        tenant_id = caller_of(request).tenant_id
        asked = query_of(request, DeliveriesQuery)
        filters = [asked.status, asked.event_type, asked.since]

        def read(*, limit: int, behind: tuple[datetime, UUID] | None) -> Page[DeliverySeen]:
            wanted = Wanted(
                endpoint_id=endpoint_id,
                status=asked.status,
                event_type=asked.event_type,
                since=asked.since,
                behind=behind,
            )
            return self.deliveries.list(tenant_id, wanted, limit=limit)

        return await self.pages.reply(
            asked,
            read,
            scope=f"{tenant_id}\n{endpoint_id}\n{filters}",
            text=delivery_text,
            place=lambda one: (one.created_at, one.delivery_id),
        )


def _delivery_of(request: Request) -> tuple[TenantId, UUID]:
    no_query(request)
    return caller_of(request).tenant_id, id_of(request, "delivery_id")


def _disabled() -> Problem:
    return Problem(
        code="webhook_endpoint_disabled", detail="The endpoint is disabled: enable it first."
    )
