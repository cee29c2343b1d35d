"""/v1/webhook_endpoints: who is told of what, with which secret, and whether at all."""

from dataclasses import dataclass
from functools import partial
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from agent_workers.domain.ids import TenantId
from agent_workers.domain.webhooks.webhook import (
    endpoint_wire,
    holder_of,
    parsed_id,
    secret_of,
    shown_secret,
)
from agent_workers.state.webhooks.endpoints import EndpointNotFound, EndpointSeen, WebhookEndpoints
from api.http.asked import NothingAsked, validated
from api.http.json_text import dumped, instant
from api.http.listing import listed, whole_list
from api.http.queries import checked_query, whole_number
from api.http.reading import read_json, read_optional
from api.http.replies import NO_STORE, JsonReply, caller_of
from api.problems import Problem
from api.process.threads import Threads
from api.webhooks.bodies import (
    KINDS,
    DisableAsked,
    EndpointAsked,
    EndpointChangeAsked,
    RotateAsked,
    change_of,
    endpoint_text,
)

Place = tuple[TenantId, UUID]


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookEndpointRoutes:
    endpoints: WebhookEndpoints
    pepper: str
    allow_private: bool
    threads: Threads

    async def create(self, request: Request) -> Response:
        """Make an endpoint: 201 with its signing secret, which is shown this once."""
        tenant_id = _caller(request)
        asked = validated(EndpointAsked, await read_json(request))
        change = change_of(asked, allow_private=self.allow_private)
        endpoint = await self.threads.run(
            self.endpoints.create, tenant_id, change, enabled=asked.enabled
        )
        location = f"/v1/webhook_endpoints/{endpoint_wire(endpoint.endpoint_id)}".encode("ascii")
        body = endpoint_text(endpoint, secret=self._secret(tenant_id, endpoint)).encode("ascii")
        return JsonReply(body, status=201, headers=[NO_STORE, (b"location", location)])

    async def show_all(self, request: Request) -> Response:
        """Endpoints, the newest first; `after` is the last id of the page before."""
        tenant_id = caller_of(request).tenant_id
        members = checked_query(request, ("limit", "after"))
        limit = whole_number(members, "limit", least=1, most=100, default=20)
        after = await self._after(tenant_id, members.get("after"))
        read = partial(self.endpoints.page, tenant_id, limit=limit, after=after)
        return await listed(
            self.threads,
            read,
            text=endpoint_text,
            cursor=lambda one: endpoint_wire(one.endpoint_id),
        )

    async def show(self, request: Request) -> Response:
        return _reply(await self.threads.run(self.endpoints.one, *place_of(request)))

    async def change(self, request: Request) -> Response:
        place = place_of(request)
        asked = validated(EndpointChangeAsked, await read_json(request))
        change = change_of(asked, allow_private=self.allow_private)
        return _reply(await self.threads.run(self.endpoints.update, *place, change))

    async def delete(self, request: Request) -> Response:
        """Delete it; what was on its way to it ends, and the log of deliveries stays."""
        place = place_of(request)
        await self.threads.run(self.endpoints.delete, *place)
        said = {"id": endpoint_wire(place[1]), "object": "webhook_endpoint", "deleted": True}
        return JsonReply(dumped(said), headers=[NO_STORE])

    async def rotate_secret(self, request: Request) -> Response:
        """Make a new secret; the old one may sign beside it for a day."""
        place = place_of(request)
        asked = await read_optional(request, RotateAsked)
        keep = asked.keep_old_secret_active_for_24_hours
        endpoint = await self.threads.run(self.endpoints.rotate, *place, keep=keep)
        return _reply(endpoint, secret=self._secret(place[0], endpoint))

    async def enable(self, request: Request) -> Response:
        place = place_of(request)
        await read_optional(request, NothingAsked)
        return _reply(await self.threads.run(self.endpoints.enable, *place))

    async def disable(self, request: Request) -> Response:
        place = place_of(request)
        asked = await read_optional(request, DisableAsked)
        reason = asked.reason or f"disabled with key {caller_of(request).key_id}"
        return _reply(await self.threads.run(self.endpoints.disable, *place, reason=reason))

    async def show_kinds(self, request: Request) -> Response:
        """Every type of event that there is."""
        checked_query(request, ())
        texts = [f'{{"object":"webhook_event_type","type":"{kind}"}}' for kind in KINDS]
        return whole_list(texts)

    async def show_project_secret(self, request: Request) -> Response:
        """The secret that signs the callbacks of single jobs."""
        tenant_id = _caller(request)
        secret = await self.threads.run(self.endpoints.project_secret, tenant_id)
        return self._project(tenant_id, secret.version, instant(secret.old_until))

    async def rotate_project_secret(self, request: Request) -> Response:
        tenant_id = _caller(request)
        asked = await read_optional(request, RotateAsked)
        keep = asked.keep_old_secret_active_for_24_hours
        secret = await self.threads.run(self.endpoints.rotate_project_secret, tenant_id, keep=keep)
        return self._project(tenant_id, secret.version, instant(secret.old_until))

    async def _after(self, tenant_id: TenantId, after: str | None) -> UUID | None:
        if after is None:
            return None
        endpoint_id = parsed_id("we", after)
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
    endpoint_id = parsed_id("we", request.path_params["endpoint_id"])
    if endpoint_id is None:
        raise Problem(code="webhook_endpoint_not_found", detail="There is no such endpoint.")
    return _caller(request), endpoint_id


def _caller(request: Request) -> TenantId:
    checked_query(request, ())
    return caller_of(request).tenant_id


def _reply(endpoint: EndpointSeen, *, secret: str | None = None) -> Response:
    return JsonReply(endpoint_text(endpoint, secret=secret).encode("ascii"), headers=[NO_STORE])
