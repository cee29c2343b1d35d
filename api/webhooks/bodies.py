"""What callers may say about webhooks, and webhooks as JSON text."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict

from agent_workers.domain.events import ANNOUNCED_GROUPS, Announced
from agent_workers.domain.ids import DELIVERY_ID, ENDPOINT_ID, EVENT_ID, to_wire
from agent_workers.domain.outside.reach import LONGEST_URL, Uncallable
from agent_workers.domain.webhooks.url import target_of
from agent_workers.domain.webhooks.webhook import DeliveryStatus
from agent_workers.state.webhooks.deliveries import AttemptSeen, DeliverySeen
from agent_workers.state.webhooks.endpoints import EndpointChange, EndpointSeen
from api.http.asked import InstantAsked
from api.http.json_text import dumped, instant, text
from api.http.shapes import (
    Body,
    Count,
    DeliveryId,
    EndpointId,
    EventId,
    Instant,
    JobIdText,
    page_of,
)
from api.problems import invalid

KINDS = tuple(kind.value for kind in Announced)
WANTED = (*KINDS, *sorted(ANNOUNCED_GROUPS))
_Url = Annotated[
    str, Field(min_length=1, max_length=LONGEST_URL, json_schema_extra={"format": "uri"})
]
_Kinds = Annotated[list[Literal[WANTED]], Field(min_length=1, max_length=50)]  # type: ignore[valid-type]
_Name = Annotated[str, Field(max_length=200)]
SigningSecret = Annotated[str, Field(pattern="^whsec_[A-Za-z0-9+/]{32}$")]


class WebhookEndpointRequest(Body):
    url: _Url
    event_types: _Kinds = Field(default=["*"])
    name: _Name = ""
    payload: Literal["thin", "full"] = "thin"
    enabled: bool = True


class WebhookEndpointChange(Body):
    url: _Url | None = None
    event_types: _Kinds | None = None
    name: _Name | None = None
    payload: Literal["thin", "full"] | None = None


class RotateRequest(Body):
    keep_old_secret_active_for_24_hours: bool = False


class WebhookTestRequest(Body):
    event_type: Literal[KINDS] = Announced.TEST.value  # type: ignore[valid-type]


class DisableRequest(Body):
    reason: Annotated[str, Field(max_length=500)] = ""


class WebhookSpan(Body):
    since: InstantAsked
    until: InstantAsked | None = None


class WebhookEndpointReply(TypedDict):
    """Who is told of what."""

    id: EndpointId
    object: Literal["webhook_endpoint"]
    name: str
    url: str
    event_types: list[str]
    payload: Literal["thin", "full"]
    status: Literal["enabled", "disabled"]
    disabled_reason: str | None
    disabled_at: Instant | None
    failing_since: Instant | None
    old_secret_active_until: Instant | None
    created_at: Instant


class NewWebhookEndpointReply(WebhookEndpointReply):
    signing_secret: SigningSecret


class DeletedWebhookEndpointReply(TypedDict):
    id: EndpointId
    object: Literal["webhook_endpoint"]
    deleted: Literal[True]


class ListedWebhookDeliveryReply(TypedDict):
    """A message on its way to an endpoint, or to the callback URL of a job."""

    id: DeliveryId
    object: Literal["webhook_delivery"]
    event_id: EventId
    event_type: str
    endpoint_id: EndpointId | None
    url: str | None
    job_id: JobIdText | None
    status: DeliveryStatus
    tries: Count
    next_attempt_at: Instant | None
    last_status_code: int | None
    last_error: str | None
    created_at: Instant
    finished_at: Instant | None


class WebhookAttemptReply(TypedDict):
    number: Count
    at: Instant
    duration_ms: Count
    status_code: int | None
    error: str | None
    response: str | None


class WebhookDeliveryReply(ListedWebhookDeliveryReply):
    """A message on its way, with all attempts to deliver it."""

    attempts: list[WebhookAttemptReply]


WebhookEndpointList = page_of("WebhookEndpointList", WebhookEndpointReply)
WebhookDeliveryList = page_of("WebhookDeliveryList", ListedWebhookDeliveryReply)


def change_of(
    asked: WebhookEndpointRequest | WebhookEndpointChange, *, allow_private: bool
) -> EndpointChange:
    if asked.url is not None:
        check_url(asked.url, pointer="/url", allow_private=allow_private)
    return EndpointChange(
        name=asked.name, url=asked.url, event_types=asked.event_types, payload=asked.payload
    )


def check_url(url: str, *, pointer: str, allow_private: bool) -> None:
    """End the request when this URL can never be called."""
    try:
        target_of(url, allow_private=allow_private)
    except Uncallable as error:
        member = pointer.rpartition("/")[2]
        raise invalid(f"{member} {error}{_while_developing(url)}", pointer=pointer) from None


def _while_developing(url: str) -> str:
    try:
        target_of(url, allow_private=True)
    except Uncallable:
        return ""
    return "; for development, the setting AGENT_ALLOW_PRIVATE_WEBHOOKS=true allows this URL"


def endpoint_text(endpoint: EndpointSeen, *, secret: str | None = None) -> str:
    """Write an endpoint; its secret only where it is new."""
    shown = "" if secret is None else f',"signing_secret":{text(secret)}'
    return (
        f'{{"id":"{ENDPOINT_ID.written(endpoint.endpoint_id)}","object":"webhook_endpoint",'
        f'"name":{text(endpoint.name)},"url":{text(endpoint.url)},'
        f'"event_types":{_listed(endpoint.event_types)},"payload":"{endpoint.payload}",'
        f'"status":"{endpoint.status}","disabled_reason":{text(endpoint.disabled_reason)},'
        f'"disabled_at":{instant(endpoint.disabled_at)},'
        f'"failing_since":{instant(endpoint.failing_since)},'
        f'"old_secret_active_until":{instant(endpoint.old_secret_until)},'
        f'"created_at":{instant(endpoint.created_at)}{shown}}}'
    )


def delivery_text(delivery: DeliverySeen, attempts: Sequence[AttemptSeen] | None = None) -> str:
    endpoint = None if delivery.endpoint_id is None else ENDPOINT_ID.written(delivery.endpoint_id)
    job = None if delivery.job_id is None else to_wire(delivery.job_id)
    at = delivery.due_at if delivery.status == "pending" else None
    more = "" if attempts is None else f',"attempts":[{",".join(map(_attempt, attempts))}]'
    return (
        f'{{"id":"{DELIVERY_ID.written(delivery.delivery_id)}","object":"webhook_delivery",'
        f'"event_id":"{EVENT_ID.written(delivery.event_id)}","event_type":{text(delivery.event_type)},'
        f'"endpoint_id":{text(endpoint)},"url":{text(delivery.url)},"job_id":{text(job)},'
        f'"status":"{delivery.status}","tries":{delivery.tries},"next_attempt_at":{instant(at)},'
        f'"last_status_code":{_number(delivery.last_status_code)},'
        f'"last_error":{text(delivery.last_error)},"created_at":{instant(delivery.created_at)},'
        f'"finished_at":{instant(delivery.finished_at)}{more}}}'
    )


def _attempt(attempt: AttemptSeen) -> str:
    return (
        f'{{"number":{attempt.number},"at":{instant(attempt.at)},'
        f'"duration_ms":{attempt.duration_ms},"status_code":{_number(attempt.status_code)},'
        f'"error":{text(attempt.error)},"response":{text(attempt.response)}}}'
    )


def _listed(words: Sequence[str]) -> str:
    return dumped(list(words)).decode("ascii")


def _number(value: int | None) -> str:
    return "null" if value is None else str(value)
