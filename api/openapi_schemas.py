"""All schemas of the OpenAPI document: requests, and what is replied."""

from agent_workers.domain.agents.version import Source
from agent_workers.domain.job import JobStatus
from agent_workers.domain.memory.session import OnStuckTurn
from agent_workers.domain.step import Lane, StepKind, StepStatus
from api.openapi_requests import REQUESTS
from api.problems import CODES
from api.schema_words import (
    ANYTHING,
    BOOLEAN,
    COUNT,
    INSTANT,
    INTEGER,
    JOB_ID,
    MAYBE_INSTANT,
    MAYBE_TEXT,
    STRING,
    Schema,
    listed,
    optional,
    shown,
)

ERROR: Schema = {
    "type": "object",
    "description": "Why a job failed; `user_message` is a sentence for end users.",
    "properties": {
        "code": STRING,
        "message": STRING,
        "retryable": BOOLEAN,
        "user_message": STRING,
        "cause": {
            "oneOf": [{"$ref": "#/components/schemas/Cause"}, {"type": "null"}],
            "description": "The step that made the job fail, if one did.",
        },
    },
    "required": ["code", "message"],
}
_CAUSE: Schema = {
    "type": "object",
    "description": (
        "A step that failed. `tool` is null for a planner or an evaluator. `cause`: what failed in"
        " the job that it waited for, or the tool that it stood in for."
    ),
    "properties": {
        "code": STRING,
        "message": STRING,
        "tool": MAYBE_TEXT,
        "position": optional(COUNT),
        "where": MAYBE_TEXT,
        "cause": {"oneOf": [{"$ref": "#/components/schemas/Cause"}, {"type": "null"}]},
    },
    "required": ["code", "message", "tool", "position", "where", "cause"],
}
_AHEAD: Schema = shown(
    {
        "job_id": JOB_ID,
        "status": {"enum": [status.value for status in JobStatus]},
        "since": MAYBE_INSTANT,
        "policy": {"enum": [policy.value for policy in OnStuckTurn]},
        "until": MAYBE_INSTANT,
    }
) | {
    "description": "The job whose turn it is in the session. `since`: when it was seen to be stuck,"
    " in doubt or in quarantine; `until`: when it will be skipped or failed, as `policy` says."
}
_JOB_LISTED: Schema = {
    "id": JOB_ID,
    "object": {"const": "job"},
    "agent": STRING,
    "agent_version": STRING,
    "workflow": STRING,
    "status": {"enum": [status.value for status in JobStatus]},
    "status_detail": MAYBE_TEXT,
    "error": optional(ERROR),
    "degraded": {
        "type": "array",
        "items": STRING,
        "description": "How the result falls short of what was asked for.",
    },
    "usage": shown(
        {
            "input_tokens": COUNT,
            "cached_tokens": COUNT,
            "output_tokens": COUNT,
            "tool_calls": COUNT,
            "cost_usd": {"type": "string", "pattern": r"^\d+\.\d{6}$"},
        }
    ),
    "progress": shown({"step": COUNT, "max_steps": COUNT, "message": MAYBE_TEXT}),
    "waiting_for": {
        "type": "array",
        "items": shown(
            {
                "position": optional(COUNT),
                "kind": STRING,
                "key": MAYBE_TEXT,
                "prompt": ANYTHING,
                "since": MAYBE_INSTANT,
                "until": MAYBE_INSTANT,
                "behind": optional(_AHEAD),
            }
        ),
    },
    "priority": INTEGER,
    "attempt": INTEGER,
    "user_id": MAYBE_TEXT,
    "session_id": MAYBE_TEXT,
    "parent_job_id": optional(JOB_ID),
    "schedule_id": MAYBE_TEXT,
    "batch_id": MAYBE_TEXT,
    "trace_id": STRING,
    "metadata": {"type": "object", "additionalProperties": STRING},
    "created_at": INSTANT,
    "started_at": MAYBE_INSTANT,
    "finished_at": MAYBE_INSTANT,
    "deadline_at": MAYBE_INSTANT,
    "expires_at": MAYBE_INSTANT,
    "links": {"type": "object", "additionalProperties": STRING},
}
_STEP_ERROR: Schema = {
    "type": ["object", "null"],
    "description": (
        "The last attempt that failed; `where` is the line of your code that raised, and its"
        " `traceback` is without secrets and cut in the middle."
    ),
    "properties": {
        "code": STRING,
        "message": STRING,
        "type": MAYBE_TEXT,
        "where": MAYBE_TEXT,
        "traceback": MAYBE_TEXT,
    },
    "required": ["code", "message", "type", "where", "traceback"],
}
_STEP: Schema = {
    "object": {"const": "step"},
    "position": COUNT,
    "round": COUNT,
    "kind": {"enum": [kind.value for kind in StepKind]},
    "lane": {"enum": [lane.value for lane in Lane]},
    "status": {"enum": [status.value for status in StepStatus]},
    "tool": MAYBE_TEXT,
    "call_id": MAYBE_TEXT,
    "effect": STRING,
    "arguments": ANYTHING,
    "outcome_type": MAYBE_TEXT,
    "outcome": ANYTHING,
    "claims": COUNT,
    "tries": COUNT,
    "deaths": COUNT,
    "last_error": MAYBE_TEXT,
    "error": _STEP_ERROR,
    "task_id": MAYBE_TEXT,
    "due_at": INSTANT,
    "claimed_at": MAYBE_INSTANT,
    "done_at": MAYBE_INSTANT,
}
_EFFECT_LISTED: Schema = {
    "object": {"const": "effect"},
    "effect_key": {"type": "string", "format": "uuid"},
    "job_id": JOB_ID,
    "position": COUNT,
    "tool": STRING,
    "class": STRING,
    "state": {"enum": ["intended", "in_doubt", "done", "abandoned"]},
    "request": ANYTHING,
    "result": ANYTHING,
    "doubt_reason": MAYBE_TEXT,
    "doubted_at": MAYBE_INSTANT,
    "created_at": INSTANT,
}
_OBJECTS: Schema = {"type": "array", "items": {"type": "object"}}
_EFFECT = _EFFECT_LISTED | {
    "quiet_after": MAYBE_INSTANT,
    "permits": _OBJECTS,
    "evidence": _OBJECTS,
}
_DEFINITION: Schema = {"type": "object"}
_AGENT: Schema = {
    "object": {"const": "agent"},
    "name": STRING,
    "version": STRING,
    "definition": _DEFINITION,
    "registered_at": INSTANT,
    "retired_at": MAYBE_INSTANT,
}
_VERSION: Schema = {
    "version": STRING,
    "digest": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
    "source": {"enum": [source.value for source in Source]},
    "created_by": STRING,
    "created_at": INSTANT,
}

SCHEMAS: dict[str, Schema] = REQUESTS | {
    "Job": shown(_JOB_LISTED | {"input": ANYTHING, "output": ANYTHING}),
    "ListedJob": shown(_JOB_LISTED),
    "JobList": listed("ListedJob"),
    "Cause": _CAUSE,
    "Step": shown(_STEP),
    "StepList": listed("Step"),
    "Event": shown({"sequence_number": COUNT, "job_id": JOB_ID, "type": STRING, "at": INSTANT}),
    "EventList": listed("Event"),
    "TraceEntry": shown(
        {
            "request_id": STRING,
            "stage": STRING,
            "flow": {"enum": ["admit", "execute", "respond"]},
            "payload": {"type": "object"},
        }
    ),
    "Trace": listed("TraceEntry"),
    "ListedEffect": shown(_EFFECT_LISTED),
    "EffectList": listed("ListedEffect"),
    "Effect": shown(_EFFECT),
    "Agent": shown(_AGENT),
    "AgentList": listed("Agent"),
    "AgentWithVersions": shown(_AGENT | {"versions": {"type": "array", "items": shown(_VERSION)}}),
    "AgentVersion": shown(
        _VERSION | {"object": {"const": "agent_version"}, "name": STRING, "definition": _DEFINITION}
    ),
    "Live": shown({"status": {"const": "ok"}}),
    "Ready": shown(
        {"status": {"enum": ["ready", "not_ready"]}, "checks": {"type": "object"}},
    ),
    "Problem": shown(
        {
            "type": STRING,
            "title": STRING,
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "detail": STRING,
            "instance": STRING,
            "code": {"enum": list(CODES)},
            "request_id": STRING,
            "retryable": BOOLEAN,
            "errors": _OBJECTS,
            "error": {"type": "object"},
        }
    ),
}
