"""What the OpenAPI document says of sessions and their messages."""

from api.http.forms import SESSION_FORM, TOOL_FORM, USER_FORM
from api.openapi_words import BODY, header, json_reply, operation, path, query
from api.schema_words import (
    COUNT,
    INSTANT,
    JOB_ID,
    MAYBE_INSTANT,
    MAYBE_TEXT,
    OBJECT,
    STRING,
    Schema,
    closed,
    listed,
    optional,
    reference,
    shown,
    text,
)
from api.sessions.bodies import MOST_CALLS

SESSION_NAME: Schema = {"type": "string", "pattern": SESSION_FORM}
USER_NAME: Schema = {"type": "string", "pattern": USER_FORM}
_WORD = text(least=1, most=200)
_CONTENT = {"content": reference("Json"), "user_id": optional(USER_NAME)}
_TOOL: Schema = {"type": "string", "pattern": TOOL_FORM}
_CALL = closed({"id": _WORD, "name": _TOOL, "arguments": reference("JsonObject")}, "id", "name")
_NOTHING: Schema = {"type": "null"}

SESSION_SCHEMAS: dict[str, Schema] = {
    "MessageCall": _CALL,
    "MessageRequest": {
        "oneOf": [
            closed(
                {"role": {"const": "user"}, "calls": _NOTHING, "call_id": _NOTHING, **_CONTENT},
                *("role", "content"),
            ),
            closed(
                {
                    "role": {"const": "assistant"},
                    "calls": optional(
                        {
                            "type": "array",
                            "minItems": 1,
                            "maxItems": MOST_CALLS,
                            "items": reference("MessageCall"),
                        }
                    ),
                    "call_id": _NOTHING,
                    **_CONTENT,
                },
                *("role", "content"),
            ),
            closed(
                {"role": {"const": "tool"}, "call_id": _WORD, "calls": _NOTHING, **_CONTENT},
                *("role", "content", "call_id"),
            ),
        ]
    },
    "Session": shown(
        {
            "object": {"const": "session"},
            "id": STRING,
            "user_id": MAYBE_TEXT,
            "messages": COUNT,
            "summary": optional(shown({"text": STRING, "first_turn": COUNT, "last_turn": COUNT})),
            "job_id": optional(JOB_ID),
            "waiting": {"type": "array", "items": JOB_ID},
            "created_at": INSTANT,
            "used_at": INSTANT,
            "expires_at": MAYBE_INSTANT,
        }
    ),
    "SessionMessage": shown(
        {
            "object": {"const": "session_message"},
            "id": STRING,
            "turn": COUNT,
            "role": {"enum": ["user", "assistant", "tool"]},
            "content": reference("Json"),
            "calls": {"type": "array", "items": OBJECT},
            "call_id": MAYBE_TEXT,
            "job_id": optional(JOB_ID),
            "at": INSTANT,
        }
    ),
    "SessionList": listed("Session"),
    "SessionMessageList": listed("SessionMessage"),
}


def session_paths() -> Schema:
    session = path("session_id", SESSION_FORM)
    limit = query("limit", {"type": "integer", "minimum": 1, "maximum": 100, "default": 20})
    more = query("limit", {"type": "integer", "minimum": 1, "maximum": 100, "default": 50})
    cursor = query("cursor", {"type": "string", "pattern": "^[A-Za-z0-9_=-]{1,400}$"})
    behind = query("cursor", {"type": "string", "pattern": "^[0-9]{1,9}-[01]$"})
    key = header("Idempotency-Key", "The same key with the same body adds one message.")
    at, problems = "/v1/sessions/{session_id}", (404, 422, 503)
    listed_ = {"200": json_reply("SessionList")}
    messages = {"200": json_reply("SessionMessageList")}
    added = {"201": json_reply("SessionMessage")}
    return {
        "/v1/sessions": {
            "get": operation("listSessions", listed_, (422, 503), [limit, cursor]),
        },
        at: {
            "get": operation("getSession", {"200": json_reply("Session")}, problems, [session]),
            "delete": operation(
                "clearSession", {"204": {"description": "Cleared"}}, problems, [session]
            ),
        },
        f"{at}/messages": {
            "get": operation("listMessages", messages, problems, [session, more, behind]),
            "post": operation(
                *("addMessage", added, (*BODY, 404, 409, 503), [session, key]),
                body="MessageRequest",
            ),
        },
    }
