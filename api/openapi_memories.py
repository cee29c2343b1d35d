"""What the OpenAPI document says of memories."""

from api.openapi_words import CURSOR, json_reply, operation, path, query
from api.schema_words import (
    ANY_JOB_ID,
    COUNT,
    INSTANT,
    JOB_ID,
    JOB_ID_FORM,
    MAYBE_INSTANT,
    MAYBE_TEXT,
    STRING,
    Schema,
    listed,
    reference,
    shown,
    text,
)

_MEMBERS: Schema = {
    "object": {"const": "memory"},
    "id": {"type": "string", "pattern": "^mem_[0-9a-f]{32}$"},
    "user_id": STRING,
    "subject": STRING,
    "content": STRING,
    "confidence": {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
    "model": STRING,
    "source": shown({"job_id": JOB_ID, "position": COUNT}),
    "created_at": INSTANT,
    "expires_at": MAYBE_INSTANT,
    "superseded_by": MAYBE_TEXT,
    "superseded_at": MAYBE_INSTANT,
}
MEMORY_SCHEMAS: dict[str, Schema] = {
    "Memory": shown(_MEMBERS),
    "MemoryWithReplaced": shown(
        _MEMBERS | {"replaced": {"type": "array", "items": reference("Memory")}}
    ),
    "MemoryList": listed("Memory"),
    "MemoriesRemoved": shown(
        {"object": {"const": "memories_removed"}, "removed": COUNT, "restored": COUNT}
    ),
}
_AT = "/v1/memories"


def memory_paths() -> Schema:
    one = path("memory_id", "^mem_[0-9a-f]{32}$")
    user = query("user_id", text())
    listing = [
        *(user, query("subject", text()), query("job_id", ANY_JOB_ID)),
        query("history", {"enum": ["true", "false"], "default": "false"}),
        query("limit", {"type": "integer", "minimum": 1, "maximum": 100, "default": 20}),
        query("cursor", CURSOR),
    ]
    lines = {"application/x-ndjson": {"schema": {"type": "string"}}}
    exported = {"200": {"description": "One `Memory` on each line", "content": lines}}
    gone = {"204": {"description": "Deleted, with the memories that it had replaced"}}
    many = {"200": json_reply("MemoriesRemoved")}
    return {
        _AT: {
            "get": operation(
                "listMemories", {"200": json_reply("MemoryList")}, (422, 503), listing
            ),
            "delete": operation(
                "forgetUserMemories", many, (422, 503), [user | {"required": True}]
            ),
        },
        "/v1/jobs/{job_id}/memories": {
            "delete": operation(
                "takeBackMemories", many, (404, 409, 422, 503), [path("job_id", JOB_ID_FORM)]
            )
        },
        f"{_AT}.jsonl": {"get": operation("exportMemories", exported, (422, 503), [user])},
        f"{_AT}/{{memory_id}}": {
            "get": operation(
                "getMemory", {"200": json_reply("MemoryWithReplaced")}, (404, 422, 503), [one]
            ),
            "delete": operation("forgetMemory", gone, (404, 422, 503), [one]),
        },
    }
