"""What the OpenAPI document says of events in, triggers and dead letters."""

from agent_workers.domain.triggers.event import (
    BASE64_FORM,
    LONGEST_TEXT,
    MEDIA_FORM,
    MOST_MEMBERS,
    SCHEME_FORM,
    URI_FORM,
)
from agent_workers.domain.triggers.message import BATCH, MOST_EVENTS, ONE
from agent_workers.state.triggers.dead_letters import LetterState
from api.openapi_requests import REQUESTS
from api.openapi_words import BODY, CURSOR, json_reply, operation, path, query
from api.schema_words import (
    ANYTHING,
    BOOLEAN,
    COUNT,
    INSTANT,
    INSTANT_FORM,
    JOB_ID,
    MAYBE_INSTANT,
    MAYBE_TEXT,
    STRING,
    Schema,
    closed,
    listed,
    optional,
    reference,
    shown,
    text,
)

_LIMIT = query("limit", {"type": "integer", "minimum": 1, "maximum": 100, "default": 20})
_PAGE = [_LIMIT, query("cursor", CURSOR)]


def event_paths() -> Schema:
    trigger, letter = path("trigger_id", "^trg_[0-9a-f]{32}$"), path("letter_id", _LETTER_FORM)
    one, dead = {"200": json_reply("Trigger")}, {"200": json_reply("DeadLetter")}
    state = query("state", {"enum": [one.value for one in LetterState], "default": "dead"})
    asking = (*BODY, 404, 409, 503)
    return {
        "/v1/events": {"post": _take_events()},
        "/v1/triggers": {
            "post": operation(
                "createTrigger",
                {"201": json_reply("Trigger", "Created")},
                (*BODY, 409, 503),
                [],
                body="TriggerRequest",
            ),
            "get": operation("listTriggers", {"200": json_reply("TriggerList")}, (422, 503), _PAGE),
        },
        "/v1/triggers/{trigger_id}": {
            "get": operation("getTrigger", one, (404, 422, 503), [trigger]),
            "patch": operation("changeTrigger", one, asking, [trigger], body="TriggerChange"),
            "delete": operation(
                "deleteTrigger", {"204": {"description": "Deleted"}}, (404, 422, 503), [trigger]
            ),
        },
        "/v1/dead_letters": {
            "get": operation(
                "listDeadLetters",
                {"200": json_reply("DeadLetterList")},
                (422, 503),
                [state, *_PAGE],
            )
        },
        "/v1/dead_letters/{letter_id}": {
            "get": operation("getDeadLetter", dead, (404, 422, 503), [letter])
        },
        "/v1/dead_letters/{letter_id}/replay": {
            "post": operation(
                "replayDeadLetter", dead, (*asking, 429, 500), [letter], body="EmptyRequest?"
            )
        },
        "/v1/dead_letters/{letter_id}/discard": {
            "post": operation("discardDeadLetter", dead, asking, [letter], body="EmptyRequest?")
        },
    }


def _take_events() -> Schema:
    taken = {"anyOf": [reference("EventReceipt"), reference("EventReceiptList")]}
    reply = {
        "description": "The events are stored, with the jobs that they start",
        "content": {"application/json": {"schema": taken}},
    }
    described = operation("takeEvents", {"202": reply}, (*BODY, 409, 429, 500, 503), [])
    described["description"] = (
        "CloudEvents 1.0: structured, a batch, or binary: the attributes as `ce-` headers and the"
        " data as the body, of any content type."
    )
    described["requestBody"] = {
        "required": True,
        "content": {
            ONE: {"schema": reference("CloudEvent")},
            BATCH: {
                "schema": {
                    "type": "array",
                    "items": reference("CloudEvent"),
                    "maxItems": MOST_EVENTS,
                }
            },
        },
    }
    return described


_LETTER_FORM = "^dl_[0-9a-f]{32}$"
_PRINTABLE = r"^[^\x00-\x1f\x7f-\x9f\ufdd0-\ufdef\ufffe\uffff]*$"


def _attribute(form: str = _PRINTABLE) -> Schema:
    return {"type": "string", "minLength": 1, "maxLength": LONGEST_TEXT, "pattern": form}


_EVENT: Schema = {
    "type": "object",
    "properties": {
        "specversion": {"const": "1.0"},
        "id": _attribute(),
        "source": _attribute(f"^{URI_FORM}$"),
        "type": _attribute(),
        "subject": optional(_attribute()),
        "time": optional({"type": "string", "format": "date-time", "pattern": INSTANT_FORM}),
        "datacontenttype": optional(_attribute(f"^{MEDIA_FORM}$")),
        "dataschema": optional(_attribute(f"^{SCHEME_FORM}{URI_FORM}$")),
        "data": reference("Json"),
        "data_base64": {"type": "string", "pattern": f"^{BASE64_FORM}$"},
    },
    "required": ["specversion", "id", "source", "type"],
    "not": {"required": ["data", "data_base64"]},
    "maxProperties": MOST_MEMBERS,
    "propertyNames": {"pattern": "^([a-z0-9]{1,20}|data_base64)$"},
    "additionalProperties": {
        "anyOf": [
            {"type": "string", "maxLength": LONGEST_TEXT, "pattern": _PRINTABLE},
            {"type": ["boolean", "null"]},
            {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1},
        ]
    },
}


def _trigger_members() -> Schema:
    job = REQUESTS["JobRequest"]["properties"]
    assert isinstance(job, dict)
    names: Schema = {
        "type": "array",
        "items": text(least=1, most=1_024),
        "minItems": 1,
        "maxItems": 64,
        "description": "Exact, or with a `*` at the end.",
    }
    return {
        "name": text(least=1, most=200),
        "enabled": BOOLEAN,
        "types": names,
        "sources": names,
        "where": {
            "type": "array",
            "items": text(least=1, most=1_000),
            "maxItems": 8,
            "description": "CEL over the event's attributes; all must be true.",
        },
        **{name: job[name] for name in ("agent", "input", "metadata", "priority")},
        **{name: job[name] for name in ("max_steps", "max_cost_usd")},
    }


_LETTER_LISTED: Schema = {
    "id": {"type": "string", "pattern": _LETTER_FORM},
    "object": {"const": "dead_letter"},
    "state": {"enum": [state.value for state in LetterState]},
    "origin": STRING,
    "code": STRING,
    "detail": STRING,
    "content_type": STRING,
    "bytes": COUNT,
    "times": COUNT,
    "created_at": INSTANT,
    "last_at": INSTANT,
    "replayed_at": MAYBE_INSTANT,
}
_JOBS = shown(
    {"trigger_id": STRING, "trigger": STRING, "job_id": JOB_ID, "replayed": BOOLEAN},
)
_STRINGS: Schema = {"type": "array", "items": STRING}

EVENT_SCHEMAS: dict[str, Schema] = {
    "CloudEvent": _EVENT,
    "EventReceipt": shown(
        {
            "object": {"const": "event_receipt"},
            "id": STRING,
            "source": STRING,
            "type": STRING,
            "jobs": {"type": "array", "items": _JOBS},
            "mistakes": {
                "type": "array",
                "items": shown({"trigger": STRING, "detail": STRING}),
                "description": "Conditions and templates that failed: the first 100.",
            },
            "more_mistakes": COUNT,
        }
    ),
    "EventReceiptList": listed("EventReceipt"),
    "TriggerRequest": closed(_trigger_members(), "name", "agent"),
    "TriggerChange": closed(_trigger_members()),
    "Trigger": shown(
        {
            "id": {"type": "string", "pattern": "^trg_[0-9a-f]{32}$"},
            "object": {"const": "trigger"},
            "name": STRING,
            "enabled": BOOLEAN,
            "agent": STRING,
            "types": _STRINGS,
            "sources": _STRINGS,
            "where": _STRINGS,
            "input": ANYTHING,
            "metadata": {"type": "object", "additionalProperties": STRING},
            "priority": COUNT,
            "max_steps": COUNT,
            "max_cost_usd": MAYBE_TEXT,
            "created_at": INSTANT,
            "updated_at": INSTANT,
        }
    ),
    "TriggerList": listed("Trigger"),
    "ListedDeadLetter": shown(_LETTER_LISTED),
    "DeadLetterList": listed("ListedDeadLetter"),
    "DeadLetter": shown(
        _LETTER_LISTED
        | {"headers": {"type": "object", "additionalProperties": STRING}, "body_base64": STRING}
    ),
}
