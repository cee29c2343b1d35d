"""The OpenAPI document: every route with its parameters, bodies, replies and problems."""

from collections.abc import Mapping

from agent_workers.domain.job import JobStatus
from api.event_intake_openapi import EVENT_SCHEMAS, event_paths
from api.openapi_artifacts import ARTIFACT_SCHEMAS, artifact_paths
from api.openapi_batches import BATCH_SCHEMAS, batch_paths
from api.openapi_mail import MAIL_SCHEMAS, input_operation, send_operation
from api.openapi_mcp import MCP_SCHEMAS, mcp_paths
from api.openapi_memories import MEMORY_SCHEMAS, memory_paths
from api.openapi_schedule_schemas import SCHEDULE_SCHEMAS
from api.openapi_schedules import schedule_paths
from api.openapi_schemas import SCHEMAS
from api.openapi_sessions import SESSION_SCHEMAS, session_paths
from api.openapi_tools import TOOL_SCHEMAS, tool_paths
from api.openapi_webhooks import WEBHOOK_SCHEMAS, webhook_paths
from api.openapi_words import (
    BODY,
    CURSOR,
    header,
    json_reply,
    names_behind,
    open_operation,
    operation,
    path,
    query,
)
from api.schema_words import JOB_ID_FORM, Schema, reference, text


def document() -> Schema:
    """Return the document as OpenAPI 3.1."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "agent-workers",
            "version": "1",
            "description": "Durable agent jobs: submitted once, done once, observable throughout.",
        },
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}, {"key": []}],
        "paths": _jobs()
        | _of_one_job()
        | artifact_paths()
        | _controls()
        | _doubts()
        | batch_paths()
        | event_paths()
        | mcp_paths()
        | memory_paths()
        | schedule_paths()
        | session_paths()
        | tool_paths()
        | webhook_paths()
        | _rest(),
        "components": {
            "schemas": SCHEMAS
            | ARTIFACT_SCHEMAS
            | BATCH_SCHEMAS
            | EVENT_SCHEMAS
            | MAIL_SCHEMAS
            | MCP_SCHEMAS
            | MEMORY_SCHEMAS
            | SCHEDULE_SCHEMAS
            | SESSION_SCHEMAS
            | TOOL_SCHEMAS
            | WEBHOOK_SCHEMAS,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "key": {"type": "apiKey", "in": "header", "name": "x-api-key"},
            },
        },
    }


def _jobs() -> Schema:
    key = header("Idempotency-Key", "The same key with the same body gives the same job.")
    prefer = header("Prefer", "`wait=N`: wait up to N seconds (at most 30) for the job's end.")
    prefer["schema"] = {"type": "string"}
    filters = [
        query("status", {"enum": [status.value for status in JobStatus]}),
        query("agent", text()),
        query("user_id", text()),
        query("session_id", text()),
        {
            "name": "metadata",
            "in": "query",
            "style": "deepObject",
            "explode": True,
            "schema": {
                "type": "object",
                "propertyNames": {"pattern": r"^[^\[\]\x00]{1,64}$"},
                "additionalProperties": text(),
            },
        },
        query("created_after", {"type": "string", "format": "date-time"}),
        query("limit", {"type": "integer", "minimum": 1, "maximum": 100, "default": 20}),
        query("cursor", CURSOR),
    ]
    stored = json_reply("Job", "Accepted and stored") | {"links": _links()}
    taken = {"200": json_reply("Job", "Accepted, and ended within `wait`"), "202": stored}
    return {
        "/v1/jobs": {
            "post": operation(
                "submitJob", taken, (*BODY, 409, 429, 500, 503), [key, prefer], body="JobRequest"
            ),
            "get": operation("listJobs", {"200": json_reply("JobList")}, (422, 503), filters),
        }
    }


def _links() -> Schema:
    """Say where the id of a new job leads to."""
    there = ("getJob", "listSteps", "getTrace", "cancelJob", "pauseJob", "resumeJob")
    parameters = {"job_id": "$response.body#/id"}
    return {name: {"operationId": name, "parameters": parameters} for name in there}


def _of_one_job() -> Schema:
    wait = query("wait", {"type": "integer", "minimum": 0, "maximum": 60})
    match = header(
        "If-None-Match",
        "The `etag` you have. With `wait`: the reply comes when it changes, else 304.",
    )
    match["schema"] = {"type": "string"}
    after = query("after", {"type": "integer", "minimum": 0, "maximum": 999_999_999})
    limit = query("limit", {"type": "integer", "minimum": 1, "maximum": 1_000})
    last = header("Last-Event-ID", "The `id` of the last event that you have seen.")
    last["schema"] = {"type": "string", "pattern": "^[0-9]{1,9}$"}
    seen = {"200": json_reply("Job"), "304": {"description": "Nothing changed"}}
    events = {
        "200": {
            "description": "The journal as a stream, or as a page",
            "content": {
                "text/event-stream": {"schema": {"type": "string"}},
                "application/json": {"schema": reference("EventList")},
            },
        },
        "204": {"description": "The job has ended, and there are no more events"},
    }
    asked: dict[str, tuple[str, Mapping[str, object], tuple[int, ...], list[Schema]]] = {
        "": ("getJob", seen, (404, 422, 503), [wait, match]),
        "/steps": ("listSteps", {"200": json_reply("StepList")}, (404, 422, 503), [after, limit]),
        "/events": ("listEvents", events, (404, 406, 422, 503), [after, limit, last]),
        "/trace": ("getTrace", {"200": json_reply("Trace")}, (404, 422, 503), [after, limit]),
    }
    return {
        f"/v1/jobs/{{job_id}}{rest}": {
            "get": operation(name, replies, problems, [path("job_id", JOB_ID_FORM), *parameters])
        }
        | ({"post": send_operation()} if rest == "/events" else {})
        for rest, (name, replies, problems, parameters) in asked.items()
    }


def _controls() -> Schema:
    job = path("job_id", JOB_ID_FORM)
    position = path("position", "^[0-9]{1,10}$")
    problems = (*BODY, 404, 409, 503)
    changed = {"200": json_reply("Job")}
    ending = changed | {"202": json_reply("Job", "Canceling: a step may still be running")}
    at = "/v1/jobs/{job_id}"
    return {
        f"{at}/cancel": {
            "post": operation("cancelJob", ending, problems, [job], body="CancelRequest?")
        },
        f"{at}/pause": {
            "post": operation("pauseJob", changed, problems, [job], body="PauseRequest?")
        },
        f"{at}/input": {"post": input_operation()},
        f"{at}/resume": {
            "post": operation("resumeJob", changed, problems, [job], body="EmptyRequest?")
        },
        f"{at}/steps/{{position}}/release": {
            "post": operation(
                "releaseStep", changed, problems, [job, position], body="EmptyRequest?"
            )
        },
    }


def _doubts() -> Schema:
    key = path("effect_key", "^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$")
    limit = query("limit", {"type": "integer", "minimum": 1, "maximum": 100, "default": 20})
    cursor = query("cursor", CURSOR)
    at = "/v1/doubts/{effect_key}"
    one = {"200": json_reply("Effect")}
    return {
        "/v1/doubts": {
            "get": operation(
                "listDoubts", {"200": json_reply("EffectList")}, (422, 503), [limit, cursor]
            )
        },
        at: {"get": operation("getDoubt", one, (404, 422, 503), [key])},
        f"{at}/verdict": {
            "post": operation(
                "giveVerdict", one, (*BODY, 404, 409, 503), [key], body="VerdictRequest"
            )
        },
    }


def _rest() -> Schema:
    ready = {"200": json_reply("Ready"), "503": json_reply("Ready", "Not ready: `checks` says why")}
    page = {"200": {"description": "HTML", "content": {"text/html": {"schema": _TEXT}}}}
    name, agents = path("name", _NAME_FORM), {"200": json_reply("AgentList")}
    self = {
        "200": {"description": "This document", "content": {"application/json": {"schema": {}}}}
    }
    return {
        "/v1/agents": {"get": operation("listAgents", agents, (422, 503), names_behind())},
        "/v1/agents/{name}": {
            "get": operation(
                "getAgent", {"200": json_reply("AgentWithVersions")}, (404, 422, 503), [name]
            )
        },
        "/v1/agents/{name}/versions/{version}": {
            "get": operation(
                "getAgentVersion",
                {"200": json_reply("AgentVersion")},
                (404, 422, 503),
                [name, path("version", _NAME_FORM)],
            )
        },
        "/health/live": {"get": open_operation("live", {"200": json_reply("Live")})},
        "/health/ready": {"get": open_operation("ready", ready)},
        "/openapi.json": {"get": open_operation("describe", self)},
        "/errors": {"get": open_operation("explainErrors", page)},
        "/docs": {"get": open_operation("showDocs", page)},
    }


_TEXT: Schema = {"type": "string"}
_NAME_FORM = "^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$"
