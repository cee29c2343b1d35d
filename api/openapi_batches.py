"""What the OpenAPI document says of batches."""

from agent_workers.domain.batch import MOST_LIVE, BatchStatus, ItemStatus, OnError
from agent_workers.domain.text.strict_json import LARGEST
from api.batches.bodies import MOST_INLINE
from api.http.asked import A_YEAR_S
from api.openapi_requests import REQUESTS
from api.openapi_words import BODY, CURSOR, header, json_reply, operation, path, query
from api.schema_words import (
    COUNT,
    INSTANT,
    JOB_ID,
    JOB_ID_FORM,
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

_ID = path("batch_id", JOB_ID_FORM.replace("(job_|resp_)?", "(batch_)?"))
_NDJSON = "application/x-ndjson"


def batch_paths() -> Schema:
    key = header("Idempotency-Key", "The same key with the same body gives the same batch.")
    limit = query("limit", {"type": "integer", "minimum": 1, "maximum": 100, "default": 20})
    status = query("status", {"enum": [one.value for one in BatchStatus]})
    one = {"200": json_reply("Batch")}
    begun = {"202": json_reply("Batch", "The batch runs, or waits for its items")}
    ended = one | {"202": json_reply("Batch", "Stopping: some of its jobs are still running")}
    changing = (*BODY, 404, 409, 503)
    at = "/v1/batches/{batch_id}"
    return {
        "/v1/batches": {
            "post": operation("createBatch", begun, (*BODY, 409, 503), [key], body="BatchRequest"),
            "get": operation(
                "listBatches",
                {"200": json_reply("BatchList")},
                (422, 503),
                [status, limit, query("cursor", CURSOR)],
            ),
        },
        at: {"get": operation("getBatch", one, (404, 422, 503), [_ID])},
        f"{at}/items": {"get": _items(), "put": _upload()},
        f"{at}/start": {
            "post": operation("startBatch", begun, changing, [_ID], body="StartRequest?")
        },
        f"{at}/cancel": {
            "post": operation("cancelBatch", ended, changing, [_ID], body="BatchCancelRequest?")
        },
        f"{at}/results.jsonl": {
            "get": operation(
                "getBatchResults",
                {
                    "200": {
                        "description": "One line for each item that has ended",
                        "content": _lines(),
                    }
                },
                (404, 422, 503),
                [_ID],
            )
        },
    }


def _items() -> Schema:
    parameters = [
        _ID,
        query("status", {"enum": [one.value for one in ItemStatus]}),
        query("after", {"type": "integer", "minimum": 0, "maximum": 999_999_999}),
        query("limit", {"type": "integer", "minimum": 1, "maximum": 1_000}),
    ]
    replies = {"200": json_reply("BatchItemList")}
    return operation("listBatchItems", replies, (404, 422, 503), parameters)


def _upload() -> Schema:
    replies = {"200": json_reply("BatchUpload")}
    described = operation("uploadBatchItems", replies, (*BODY, 404, 409, 503), [_ID])
    described["requestBody"] = {"required": True, "content": _lines()}
    return described


def _lines() -> Schema:
    return {_NDJSON: {"schema": STRING}}


# Only what makes sense for one of many: when it begins is the batch's to say.
_JOB = {
    name: schema
    for name, schema in REQUESTS["JobRequest"]["properties"].items()  # type: ignore[attr-defined]
    if name not in {"run_at", "delay", "parent_job_id", "deadline", "on_busy"}
} | {"deadline": optional({"type": "number", "exclusiveMinimum": 0, "maximum": A_YEAR_S})}
_ITEM = _JOB | {"custom_id": text(least=1, most=255)}
_TERMS: Schema = {
    "concurrency": {"type": "integer", "minimum": 1, "maximum": MOST_LIVE, "default": 100},
    "on_error": {"enum": [one.value for one in OnError]},
    "deadline": optional({"type": "number", "exclusiveMinimum": 0, "maximum": A_YEAR_S}),
    "metadata": REQUESTS["JobRequest"]["properties"]["metadata"],  # type: ignore[index]
}
_ITEMS_SHOWN = {
    "object": {"const": "batch.item"},
    "number": COUNT,
    "custom_id": STRING,
    "status": {"enum": [one.value for one in ItemStatus]},
    "agent": STRING,
    "job_id": optional(JOB_ID),
}
_BATCH_SHOWN: Schema = {
    "id": {"type": "string", "pattern": "^batch_[0-9a-f]{32}$"},
    "object": {"const": "batch"},
    "status": {"enum": [one.value for one in BatchStatus]},
    "reason": MAYBE_TEXT,
    "concurrency": COUNT,
    "on_error": STRING,
    "item_count": COUNT,
    "counts": optional(shown({one.value: COUNT for one in ItemStatus})),
    "metadata": {"type": "object", "additionalProperties": STRING},
    "created_at": INSTANT,
    "started_at": MAYBE_INSTANT,
    "finished_at": MAYBE_INSTANT,
    "deadline_at": MAYBE_INSTANT,
    "links": {"type": "object", "additionalProperties": STRING},
}


def _many(name: str) -> Schema:
    return {"type": "array", "maxItems": MOST_INLINE, "items": reference(name)}


BATCH_SCHEMAS: dict[str, Schema] = {
    "BatchJob": closed(_ITEM, "agent", "input"),
    "BatchItemRequest": closed(_ITEM),
    "BatchTemplate": closed(_JOB),
    "BatchRequest": {
        "description": "`jobs`, or `items` with a `job_template`; without both, upload the items.",
        "anyOf": [
            closed(_TERMS | {"jobs": _many("BatchJob")}, "jobs"),
            closed(
                _TERMS
                | {"items": _many("BatchItemRequest"), "job_template": reference("BatchTemplate")},
                "items",
                "job_template",
            ),
            closed(_TERMS | {"job_template": reference("BatchTemplate")}),
        ],
    },
    "StartRequest": closed({"item_count": optional(COUNT | {"maximum": LARGEST})}),
    "BatchCancelRequest": closed({"reason": text(most=1_000)}),
    "Batch": shown(_BATCH_SHOWN),
    "BatchList": listed("Batch"),
    "BatchItem": shown(_ITEMS_SHOWN),
    "BatchItemList": listed("BatchItem"),
    "BatchUpload": shown(
        {"object": {"const": "batch.upload"}, "lines": COUNT, "stored": COUNT, "known": COUNT}
    ),
}
