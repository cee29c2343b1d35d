"""What the OpenAPI document says of webhooks: endpoints, deliveries and secrets."""

from agent_workers.domain.outside.reach import LONGEST_URL
from agent_workers.domain.webhooks.webhook import DeliveryStatus
from api.openapi_words import BODY, CURSOR, json_reply, operation, path, query
from api.schema_words import (
    BOOLEAN,
    COUNT,
    INSTANT,
    INSTANT_FORM,
    INTEGER,
    JOB_ID,
    MAYBE_INSTANT,
    MAYBE_TEXT,
    STRING,
    Schema,
    closed,
    listed,
    optional,
    shown,
    text,
)
from api.webhooks.bodies import KINDS, WANTED

_ENDPOINT_ID: Schema = {"type": "string", "pattern": "^we_[0-9a-f]{32}$"}
_DELIVERY_ID: Schema = {"type": "string", "pattern": "^whd_[0-9a-f]{32}$"}
_LIMIT = query("limit", {"type": "integer", "minimum": 1, "maximum": 100, "default": 20})
# Besides: it must lead to where the public can go, which no pattern says.
URL: Schema = {"type": "string", "format": "uri", "minLength": 1, "maxLength": LONGEST_URL}
_KINDS: Schema = {"type": "array", "items": {"enum": list(WANTED)}, "minItems": 1, "maxItems": 50}
_INSTANT: Schema = {"type": "string", "format": "date-time", "pattern": INSTANT_FORM}
_PAYLOAD: Schema = {"enum": ["thin", "full"]}
_AT = "/v1/webhook_endpoints/{endpoint_id}"
_FOUND = (404, 422, 503)
_ASKING = (*BODY, 404, 503)


def webhook_paths() -> Schema:
    return _endpoints() | _one_endpoint() | _switches() | _deliveries() | _rest()


def _endpoints() -> Schema:
    made = {"201": json_reply("NewWebhookEndpoint", "Created; only this reply shows its secret")}
    after = query("after", _ENDPOINT_ID)
    return {
        "/v1/webhook_endpoints": {
            "post": operation(
                "createWebhookEndpoint", made, (*BODY, 409, 503), [], body="WebhookEndpointRequest"
            ),
            "get": operation(
                "listWebhookEndpoints",
                {"200": json_reply("WebhookEndpointList")},
                (404, 422, 503),
                [_LIMIT, after],
            ),
        }
    }


def _one_endpoint() -> Schema:
    endpoint = [path("endpoint_id", str(_ENDPOINT_ID["pattern"]))]
    one = {"200": json_reply("WebhookEndpoint")}
    gone = {"200": json_reply("DeletedWebhookEndpoint")}
    changed = "WebhookEndpointChange"
    return {
        _AT: {
            "get": operation("getWebhookEndpoint", one, _FOUND, endpoint),
            "post": operation("updateWebhookEndpoint", one, _ASKING, endpoint, body=changed),
            "patch": operation("changeWebhookEndpoint", one, _ASKING, endpoint, body=changed),
            "delete": operation("deleteWebhookEndpoint", gone, _FOUND, endpoint),
        }
    }


def _switches() -> Schema:
    endpoint = [path("endpoint_id", str(_ENDPOINT_ID["pattern"]))]
    one = {"200": json_reply("WebhookEndpoint")}
    rotated = {"200": json_reply("NewWebhookEndpoint")}
    many = {"202": json_reply("WebhookRecovery", "The deliveries are queued")}
    tested = {"202": json_reply("WebhookDelivery", "The delivery is queued")}
    disabled = (*_ASKING, 409)
    asked = {
        "rotate_secret": ("rotateWebhookSecret", rotated, _ASKING, "RotateRequest?"),
        "enable": ("enableWebhookEndpoint", one, _ASKING, "EmptyRequest?"),
        "disable": ("disableWebhookEndpoint", one, _ASKING, "DisableRequest?"),
        "test": ("testWebhookEndpoint", tested, disabled, "WebhookTestRequest?"),
        "recover": ("recoverWebhooks", many, disabled, "WebhookSpan"),
        "replay_missing": ("replayMissingWebhooks", many, disabled, "WebhookSpan"),
    }
    return {
        f"{_AT}/{verb}": {"post": operation(name, replies, problems, endpoint, body=body)}
        for verb, (name, replies, problems, body) in asked.items()
    }


def _deliveries() -> Schema:
    endpoint = path("endpoint_id", str(_ENDPOINT_ID["pattern"]))
    delivery = [path("delivery_id", str(_DELIVERY_ID["pattern"]))]
    filters = [
        _LIMIT,
        query("cursor", CURSOR),
        query("status", {"enum": [status.value for status in DeliveryStatus]}),
        query("event_type", {"enum": list(KINDS)}),
        query("since", _INSTANT),
    ]
    page = {"200": json_reply("WebhookDeliveryList")}
    one, again = (
        json_reply("WebhookDelivery"),
        json_reply("WebhookDelivery", "The delivery is queued"),
    )
    at = "/v1/webhook_deliveries"
    return {
        f"{_AT}/deliveries": {
            "get": operation("listWebhookDeliveries", page, _FOUND, [endpoint, *filters])
        },
        at: {"get": operation("listCallbackDeliveries", page, (422, 503), filters)},
        f"{at}/{{delivery_id}}": {
            "get": operation("getWebhookDelivery", {"200": one}, _FOUND, delivery)
        },
        f"{at}/{{delivery_id}}/replay": {
            "post": operation(
                "replayWebhookDelivery",
                {"202": again},
                (*_ASKING, 409),
                delivery,
                body="EmptyRequest?",
            )
        },
    }


def _rest() -> Schema:
    secret = {"200": json_reply("WebhookSecret")}
    kinds = {"200": json_reply("WebhookEventTypeList")}
    events = {"200": json_reply("WebhookEventList")}
    filters = [_LIMIT, query("cursor", CURSOR), query("since", _INSTANT)]
    return {
        "/v1/webhook_events": {"get": operation("listWebhookEvents", events, (422, 503), filters)},
        "/v1/webhook_event_types": {"get": operation("listWebhookEventTypes", kinds, (422,), [])},
        "/v1/webhook_secret": {"get": operation("getProjectSecret", secret, (422, 503), [])},
        "/v1/webhook_secret/rotate": {
            "post": operation(
                "rotateProjectSecret", secret, (*BODY, 503), [], body="RotateRequest?"
            )
        },
    }


_ENDPOINT: Schema = {
    "id": _ENDPOINT_ID,
    "object": {"const": "webhook_endpoint"},
    "name": STRING,
    "url": STRING,
    "event_types": {"type": "array", "items": STRING},
    "payload": _PAYLOAD,
    "status": {"enum": ["enabled", "disabled"]},
    "disabled_reason": MAYBE_TEXT,
    "disabled_at": MAYBE_INSTANT,
    "failing_since": MAYBE_INSTANT,
    "old_secret_active_until": MAYBE_INSTANT,
    "created_at": INSTANT,
}
_SECRET: Schema = {"type": "string", "pattern": "^whsec_[A-Za-z0-9+/]{32}$"}
_DELIVERY: Schema = {
    "id": _DELIVERY_ID,
    "object": {"const": "webhook_delivery"},
    "event_id": STRING,
    "event_type": STRING,
    "endpoint_id": optional(_ENDPOINT_ID),
    "url": MAYBE_TEXT,
    "job_id": optional(JOB_ID),
    "status": {"enum": [status.value for status in DeliveryStatus]},
    "tries": COUNT,
    "next_attempt_at": MAYBE_INSTANT,
    "last_status_code": optional(INTEGER),
    "last_error": MAYBE_TEXT,
    "created_at": INSTANT,
    "finished_at": MAYBE_INSTANT,
}
_ATTEMPT: Schema = {
    "number": COUNT,
    "at": INSTANT,
    "duration_ms": COUNT,
    "status_code": optional(INTEGER),
    "error": MAYBE_TEXT,
    "response": MAYBE_TEXT,
}
WEBHOOK_SCHEMAS: dict[str, Schema] = {
    "WebhookEndpointRequest": closed(
        {
            "url": URL,
            "event_types": _KINDS,
            "name": text(most=200),
            "payload": _PAYLOAD,
            "enabled": BOOLEAN,
        },
        "url",
    ),
    "WebhookEndpointChange": closed(
        {
            "url": optional(URL),
            "event_types": optional(_KINDS),
            "name": optional(text(most=200)),
            "payload": optional(_PAYLOAD),
        }
    ),
    "RotateRequest": closed({"keep_old_secret_active_for_24_hours": BOOLEAN}),
    "DisableRequest": closed({"reason": text(most=500)}),
    "WebhookTestRequest": closed({"event_type": {"enum": list(KINDS)}}),
    "WebhookSpan": closed({"since": _INSTANT, "until": optional(_INSTANT)}, "since"),
    "WebhookEndpoint": shown(_ENDPOINT),
    "NewWebhookEndpoint": shown(_ENDPOINT | {"signing_secret": _SECRET}),
    "WebhookEndpointList": listed("WebhookEndpoint"),
    "DeletedWebhookEndpoint": shown({"id": _ENDPOINT_ID, "deleted": {"const": True}}),
    "ListedWebhookDelivery": shown(_DELIVERY),
    "WebhookDelivery": shown(_DELIVERY | {"attempts": {"type": "array", "items": shown(_ATTEMPT)}}),
    "WebhookDeliveryList": listed("ListedWebhookDelivery"),
    "WebhookRecovery": shown({"object": {"const": "webhook_recovery"}, "deliveries": COUNT}),
    "WebhookEvent": shown(
        {
            "id": {"type": "string", "pattern": "^evt_[0-9a-f]{32}$"},
            "object": {"const": "event"},
            "type": STRING,
            "created_at": COUNT,
            "timestamp": INSTANT,
            "data": {"type": "object"},
        }
    ),
    "WebhookEventList": listed("WebhookEvent"),
    "WebhookEventType": shown({"object": {"const": "webhook_event_type"}, "type": STRING}),
    "WebhookEventTypeList": listed("WebhookEventType"),
    "WebhookSecret": shown(
        {
            "object": {"const": "webhook_secret"},
            "signing_secret": _SECRET,
            "old_secret_active_until": MAYBE_INSTANT,
        }
    ),
}
