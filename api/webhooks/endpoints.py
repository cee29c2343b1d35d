"""/v1/webhook_endpoints: who is told of what, with which secret, and whether at all."""

from dataclasses import dataclass
from functools import partial
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response
from typing_extensions import TypedDict

from agent_workers.domain.ids import ENDPOINT_ID, TenantId
from agent_workers.domain.webhooks.webhook import holder_of, secret_of, shown_secret
from agent_workers.state.webhooks.endpoints import EndpointNotFound, EndpointSeen, WebhookEndpoints
from api.http.asked import EmptyRequest, validated
from api.http.json_text import dumped, instant
from api.http.listing import listed, whole_list
from api.http.paths import id_of
from api.http.queries import NoQuery, Number, no_query, query_of
from api.http.reading import read_json, read_optional
from api.http.replies import NO_STORE, JsonReply, caller_of
from api.http.route import Reply, Room, Route
from api.http.shapes import Described, EndpointId, Instant, page_of
from api.process.threads import Threads
from api.webhooks.bodies import (
    KINDS,
    DeletedWebhookEndpointReply,
    DisableRequest,
    NewWebhookEndpointReply,
    RotateRequest,
    SigningSecret,
    WebhookEndpointChange,
    WebhookEndpointList,
    WebhookEndpointReply,
    WebhookEndpointRequest,
    change_of,
    endpoint_text,
)

_AT = Room("/v1/webhook_endpoints", reads="webhooks:read", writes="webhooks:write")
_KINDS_AT = Room("/v1/webhook_event_types", reads="webhooks:read")
_SECRET_AT = Room("/v1/webhook_secret", reads="webhooks:secrets", writes="webhooks:secrets")

Place = tuple[TenantId, UUID]
_CREATED = Reply(
    model=NewWebhookEndpointReply, description="Created; only this reply shows its secret"
)


class EndpointsQuery(NoQuery):
    limit: Annotated[Number, Field(ge=1, le=100)] = 20
    after: Annotated[str, Described(EndpointId)] | None = None


class WebhookEventTypeReply(TypedDict):
    object: Literal["webhook_event_type"]
    type: str


class WebhookSecretReply(TypedDict):
    """The secret that signs the callbacks of single jobs."""

    object: Literal["webhook_secret"]
    signing_secret: SigningSecret
    old_secret_active_until: Instant | None


WebhookEventTypeList = page_of("WebhookEventTypeList", WebhookEventTypeReply)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookEndpointRoutes:
    endpoints: WebhookEndpoints
    pepper: str
    allow_private: bool
    threads: Threads

    @Route(
        _AT,
        "POST",
        "createWebhookEndpoint",
        {201: _CREATED},
        ("quota_reached",),
        body=WebhookEndpointRequest,
    )
    async def create(self, request: Request) -> Response:
        """Make an endpoint: 201 with its signing secret, which is shown this once."""
        tenant_id = _caller(request)
        asked = validated(WebhookEndpointRequest, await read_json(request))
        change = change_of(asked, allow_private=self.allow_private)
        endpoint = await self.threads.run(
            self.endpoints.create, tenant_id, change, enabled=asked.enabled
        )
        location = f"/v1/webhook_endpoints/{ENDPOINT_ID.written(endpoint.endpoint_id)}".encode(
            "ascii"
        )
        body = endpoint_text(endpoint, secret=self._secret(tenant_id, endpoint)).encode("ascii")
        return JsonReply(body, status=201, headers=[NO_STORE, (b"location", location)])

    @Route(
        _AT,
        "GET",
        "listWebhookEndpoints",
        {200: WebhookEndpointList},
        ("webhook_endpoint_not_found",),
        query=EndpointsQuery,
    )
    async def show_all(self, request: Request) -> Response:
        """Endpoints, the newest first; `after` is the last id of the page before."""
        tenant_id = caller_of(request).tenant_id
        asked = query_of(request, EndpointsQuery)
        after = await self._after(tenant_id, asked.after)
        read = partial(self.endpoints.page, tenant_id, limit=asked.limit, after=after)
        return await listed(
            self.threads,
            read,
            text=endpoint_text,
            cursor=lambda one: ENDPOINT_ID.written(one.endpoint_id),
        )

    @Route(_AT, "GET /{endpoint_id}", "getWebhookEndpoint", {200: WebhookEndpointReply})
    async def show(self, request: Request) -> Response:
        """One endpoint; its secret is not shown."""
        return _reply(await self.threads.run(self.endpoints.one, *place_of(request)))

    @Route(
        _AT,
        "POST /{endpoint_id}",
        "updateWebhookEndpoint",
        {200: WebhookEndpointReply},
        body=WebhookEndpointChange,
    )
    @Route(
        _AT,
        "PATCH /{endpoint_id}",
        "changeWebhookEndpoint",
        {200: WebhookEndpointReply},
        body=WebhookEndpointChange,
    )
    async def change(self, request: Request) -> Response:
        """Change what is said, and nothing else."""
        place = place_of(request)
        asked = validated(WebhookEndpointChange, await read_json(request))
        change = change_of(asked, allow_private=self.allow_private)
        return _reply(await self.threads.run(self.endpoints.update, *place, change))

    @Route(
        _AT, "DELETE /{endpoint_id}", "deleteWebhookEndpoint", {200: DeletedWebhookEndpointReply}
    )
    async def delete(self, request: Request) -> Response:
        """Delete it; what was on its way to it ends, and the log of deliveries stays."""
        place = place_of(request)
        await self.threads.run(self.endpoints.delete, *place)
        said: DeletedWebhookEndpointReply = {
            "id": ENDPOINT_ID.written(place[1]),
            "object": "webhook_endpoint",
            "deleted": True,
        }
        return JsonReply(dumped(said), headers=[NO_STORE])

    @Route(
        _AT,
        "POST /{endpoint_id}/rotate_secret",
        "rotateWebhookSecret",
        {200: NewWebhookEndpointReply},
        optional_body=RotateRequest,
        scope="webhooks:secrets",
    )
    async def rotate_secret(self, request: Request) -> Response:
        """Make a new secret; the old one may sign beside it for a day."""
        place = place_of(request)
        asked = await read_optional(request, RotateRequest)
        keep = asked.keep_old_secret_active_for_24_hours
        endpoint = await self.threads.run(self.endpoints.rotate, *place, keep=keep)
        return _reply(endpoint, secret=self._secret(place[0], endpoint))

    @Route(
        _AT,
        "POST /{endpoint_id}/enable",
        "enableWebhookEndpoint",
        {200: WebhookEndpointReply},
        optional_body=EmptyRequest,
    )
    async def enable(self, request: Request) -> Response:
        """Deliver to it again, from now on."""
        place = place_of(request)
        await read_optional(request, EmptyRequest)
        return _reply(await self.threads.run(self.endpoints.enable, *place))

    @Route(
        _AT,
        "POST /{endpoint_id}/disable",
        "disableWebhookEndpoint",
        {200: WebhookEndpointReply},
        optional_body=DisableRequest,
    )
    async def disable(self, request: Request) -> Response:
        """Deliver nothing to it until it is enabled."""
        place = place_of(request)
        asked = await read_optional(request, DisableRequest)
        reason = asked.reason or f"disabled with key {caller_of(request).key_id}"
        return _reply(await self.threads.run(self.endpoints.disable, *place, reason=reason))

    @Route(_KINDS_AT, "GET", "listWebhookEventTypes", {200: WebhookEventTypeList})
    async def show_kinds(self, request: Request) -> Response:
        """Every type of event that there is."""
        no_query(request)
        texts = [f'{{"object":"webhook_event_type","type":"{kind}"}}' for kind in KINDS]
        return whole_list(texts)

    @Route(_SECRET_AT, "GET", "getProjectSecret", {200: WebhookSecretReply})
    async def show_project_secret(self, request: Request) -> Response:
        """The secret that signs the callbacks of single jobs."""
        tenant_id = _caller(request)
        secret = await self.threads.run(self.endpoints.project_secret, tenant_id)
        return self._project(tenant_id, secret.version, instant(secret.old_until))

    @Route(
        _SECRET_AT,
        "POST /rotate",
        "rotateProjectSecret",
        {200: WebhookSecretReply},
        optional_body=RotateRequest,
    )
    async def rotate_project_secret(self, request: Request) -> Response:
        """Make a new secret for callbacks; the old one may sign beside it for a day."""
        tenant_id = _caller(request)
        asked = await read_optional(request, RotateRequest)
        keep = asked.keep_old_secret_active_for_24_hours
        secret = await self.threads.run(self.endpoints.rotate_project_secret, tenant_id, keep=keep)
        return self._project(tenant_id, secret.version, instant(secret.old_until))

    async def _after(self, tenant_id: TenantId, after: str | None) -> UUID | None:
        if after is None:
            return None
        endpoint_id = ENDPOINT_ID.read(after)
        if endpoint_id is None:
            raise EndpointNotFound("`after` is not the id of an endpoint.")
        return (await self.threads.run(self.endpoints.one, tenant_id, endpoint_id)).endpoint_id

    def _project(self, tenant_id: TenantId, version: int, until: str) -> Response:
        secret = shown_secret(secret_of(self.pepper, tenant_id, holder_of(None), version))
        body = (
            f'{{"object":"webhook_secret","signing_secret":"{secret}",'
            f'"old_secret_active_until":{until}}}'
        )
        return JsonReply(body.encode("ascii"), headers=[NO_STORE])

    def _secret(self, tenant_id: TenantId, endpoint: EndpointSeen) -> str:
        holder = holder_of(endpoint.endpoint_id)
        return shown_secret(secret_of(self.pepper, tenant_id, holder, endpoint.secret_version))


def place_of(request: Request) -> Place:
    """Return whose endpoint is meant; none is told apart from another tenant's."""
    return _caller(request), id_of(request, "endpoint_id")


def _caller(request: Request) -> TenantId:
    no_query(request)
    return caller_of(request).tenant_id


def _reply(endpoint: EndpointSeen, *, secret: str | None = None) -> Response:
    return JsonReply(endpoint_text(endpoint, secret=secret).encode("ascii"), headers=[NO_STORE])
