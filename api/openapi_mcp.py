"""What the OpenAPI document says of MCP servers."""

from agent_workers.domain.effect import EffectClass
from agent_workers.domain.mcp.servers import ServerState, Standing
from api.catalogue.mcp_servers import LONGEST_URL, NAME_FORM
from api.openapi_words import BODY, json_reply, names_behind, operation, path
from api.schema_words import (
    BOOLEAN,
    MAYBE_INSTANT,
    MAYBE_TEXT,
    STRING,
    Schema,
    closed,
    listed,
    shown,
)

_MEMBERS: Schema = {
    "object": {"const": "mcp_server"},
    "name": STRING,
    "shared": BOOLEAN,
    "url": MAYBE_TEXT,
    "state": {"enum": [one.value for one in ServerState]},
    "error": MAYBE_TEXT,
    "refreshed_at": MAYBE_INSTANT,
}
_TOOL: Schema = shown(
    {
        "name": STRING,
        "standing": {"enum": [one.value for one in Standing]},
        "effect": {"enum": [one.value for one in EffectClass]},
        "hash": MAYBE_TEXT,
        "approved_hash": MAYBE_TEXT,
        "description": MAYBE_TEXT,
    }
)
_NAME: Schema = {"type": "string", "pattern": NAME_FORM}
_URL: Schema = {"type": "string", "pattern": "^https?://[!-~]+$", "maxLength": LONGEST_URL}
MCP_SCHEMAS: dict[str, Schema] = {
    "NewMcpServer": closed({"name": _NAME, "url": _URL}, "name", "url"),
    "McpServer": shown(_MEMBERS),
    "McpServerWithTools": shown(_MEMBERS | {"tools": {"type": "array", "items": _TOOL}}),
    "McpServerList": listed("McpServer"),
}
_AT = "/v1/mcp_servers"


def mcp_paths() -> Schema:
    name = path("name", NAME_FORM)
    several, one = {"200": json_reply("McpServerList")}, {"200": json_reply("McpServerWithTools")}
    added, gone = {"201": json_reply("McpServer")}, {"204": {"description": "Removed"}}
    asked = {"202": json_reply("McpServer", "Accepted: a worker will ask the server for its tools")}
    return {
        _AT: {
            "get": operation("listMcpServers", several, (422, 503), names_behind()),
            "post": operation("addMcpServer", added, (*BODY, 409, 503), [], body="NewMcpServer"),
        },
        f"{_AT}/{{name}}": {
            "get": operation("getMcpServer", one, (404, 422, 503), [name]),
            "delete": operation("removeMcpServer", gone, (404, 422, 503), [name]),
        },
        f"{_AT}/{{name}}/refresh": {
            "post": operation("refreshMcpServer", asked, (404, 409, 422, 503), [name])
        },
    }
