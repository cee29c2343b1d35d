"""What the OpenAPI document says of the tools that workers have."""

from agent_workers.domain.effect import EffectClass, OnDoubt
from api.openapi_words import json_reply, names_behind, operation, path
from api.schema_words import (
    BOOLEAN,
    INSTANT,
    INTEGER,
    MAYBE_TEXT,
    STRING,
    Schema,
    listed,
    optional,
    shown,
)

_SECONDS: Schema = {"type": "number", "minimum": 0}
_NAMES: Schema = {"type": "array", "items": STRING}
_A_SCHEMA: Schema = {"type": "object"}

TOOL_SCHEMAS: dict[str, Schema] = {
    "Tool": shown(
        {
            "object": {"const": "tool"},
            "name": STRING,
            "version": STRING,
            "description": STRING,
            "effect": {"enum": [one.value for one in EffectClass]},
            "schema_hash": STRING,
            "parameters": _A_SCHEMA,
            "result": optional(_A_SCHEMA),
            "scopes": _NAMES,
            "timeout_s": _SECONDS,
            "max_tries": INTEGER,
            "key_ttl_s": optional(_SECONDS),
            "looks_up": BOOLEAN,
            "on_doubt": {"enum": [one.value for one in OnDoubt]},
            "fallback": MAYBE_TEXT,
            "asks_on_failure": BOOLEAN,
            "stale_for_s": optional(_SECONDS),
            "cache_for_s": optional(_SECONDS),
            "concurrency": optional(INTEGER),
            "isolated": BOOLEAN,
            "needs": _NAMES,
            "declared_in": STRING,
            "registered_at": INSTANT,
            "seen_at": INSTANT,
        }
    ),
    "ToolList": listed("Tool"),
}


def tool_paths() -> Schema:
    name = path("name", r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$")
    several, one = {"200": json_reply("ToolList")}, {"200": json_reply("Tool")}
    return {
        "/v1/tools": {"get": operation("listTools", several, (422, 503), names_behind())},
        "/v1/tools/{name}": {"get": operation("getTool", one, (404, 422, 503), [name])},
    }
