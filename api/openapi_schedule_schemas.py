"""The schemas of schedules in the OpenAPI document: requests, and what is replied."""

from agent_workers.domain.schedules.schedule import (
    CatchUp,
    Origin,
    Overlap,
    ScheduleStatus,
    ScheduleType,
)
from agent_workers.state.schedules.runs import RunStatus
from api.openapi_batches import BATCH_SCHEMAS
from api.schedules.bodies import LONGEST_INTERVAL_S, LONGEST_JITTER_S, LONGEST_WINDOW_S
from api.schema_words import (
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


def _whole(least: int, most: int) -> Schema:
    return {"type": "integer", "minimum": least, "maximum": most}


_OVERLAP: Schema = {"enum": [one.value for one in Overlap]}
_CATCH_UP: Schema = {"enum": [one.value for one in CatchUp]}
_WHEN: Schema = {"type": "string", "format": "date-time", "pattern": INSTANT_FORM}
_EXPRESSION: Schema = {
    "type": "string",
    "description": "A cron expression of five fields: minute, hour, day of month, month, day of week.",
    "maxLength": 200,
    "examples": ["30 2 * * *"],
}
_TIMEZONE: Schema = {
    "type": "string",
    "description": "The IANA name of a time zone, like Europe/Berlin.",
    "minLength": 1,
    "maxLength": 100,
    "examples": ["Europe/Berlin"],
}
_COMMON: Schema = {
    "name": text(most=200),
    "start_at": optional(_WHEN),
    "end_at": optional(_WHEN),
    "overlap": _OVERLAP,
    "catch_up": _CATCH_UP,
    "catch_up_window_s": _whole(0, LONGEST_WINDOW_S),
    "jitter_s": _whole(0, LONGEST_JITTER_S),
    "metadata": optional(reference("Metadata")),
    "target": reference("ScheduleTarget"),
}
_RULES: Schema = {
    "expression": optional(_EXPRESSION),
    "timezone": _TIMEZONE,
    "interval_s": optional(_whole(1, LONGEST_INTERVAL_S)),
    "run_at": optional(_WHEN),
}


def _filled(form: int, name: str) -> Schema:
    """Return a form of a batch whose list is not empty."""
    one: Schema = BATCH_SCHEMAS["BatchRequest"]["anyOf"][form]  # type: ignore[index]
    members: Schema = dict(one["properties"])  # type: ignore[call-overload]
    members[name] = members[name] | {"minItems": 1}  # type: ignore[operator]
    return one | {"properties": members}


def _of_type(kind: ScheduleType, rule: Schema, *required: str) -> Schema:
    members = {"type": {"const": kind.value}, **rule, **_COMMON}
    return closed(members, "type", "target", *required)


# A job as a batch would start it: when it begins is not its own to say.
_JOB: Schema = dict(BATCH_SCHEMAS["BatchTemplate"]["properties"])  # type: ignore[call-overload]
_SHOWN: Schema = {
    "id": {"type": "string", "pattern": "^sched_[0-9a-f]{32}$"},
    "object": {"const": "schedule"},
    "name": STRING,
    "type": {"enum": [one.value for one in ScheduleType]},
    "expression": MAYBE_TEXT,
    "timezone": STRING,
    "interval_s": optional(COUNT),
    "run_at": MAYBE_INSTANT,
    "start_at": MAYBE_INSTANT,
    "end_at": MAYBE_INSTANT,
    "status": {"enum": [one.value for one in ScheduleStatus]},
    "overlap": _OVERLAP,
    "catch_up": _CATCH_UP,
    "catch_up_window_s": COUNT,
    "jitter_s": COUNT,
    "target": {"type": "object"},
    "metadata": {"type": "object", "additionalProperties": STRING},
    "next_run_at": MAYBE_INSTANT,
    "last_run_at": MAYBE_INSTANT,
    "version": COUNT,
    "created_at": INSTANT,
    "updated_at": INSTANT,
    "links": {"type": "object", "additionalProperties": STRING},
}
_RUN: Schema = {
    "object": {"const": "schedule.run"},
    "scheduled_at": INSTANT,
    "origin": {"enum": [one.value for one in Origin]},
    "status": {"enum": [one.value for one in RunStatus]},
    "skip_reason": MAYBE_TEXT,
    "skipped_until": MAYBE_INSTANT,
    "error": MAYBE_TEXT,
    "job_id": optional(JOB_ID),
    "batch_id": MAYBE_TEXT,
    "started_at": MAYBE_INSTANT,
    "finished_at": MAYBE_INSTANT,
}

SCHEDULE_SCHEMAS: dict[str, Schema] = {
    "ScheduleTarget": {
        "description": "A job template, or a batch.",
        "oneOf": [
            closed({"job": reference("ScheduledJob")}, "job"),
            closed({"batch": reference("ScheduledBatch")}, "batch"),
        ],
    },
    "ScheduledJob": closed(_JOB, "agent", "input"),
    "ScheduledBatch": {
        "description": "A batch with all its items: none can be uploaded later.",
        "anyOf": [_filled(0, "jobs"), _filled(1, "items")],
    },
    "ScheduleRequest": {
        "anyOf": [
            _of_type(
                ScheduleType.CRON,
                {"expression": _EXPRESSION, "timezone": _TIMEZONE},
                "expression",
                "timezone",
            ),
            _of_type(
                ScheduleType.INTERVAL,
                {"interval_s": _whole(1, LONGEST_INTERVAL_S), "timezone": _TIMEZONE},
                "interval_s",
            ),
            _of_type(ScheduleType.ONCE, {"run_at": _WHEN, "timezone": _TIMEZONE}, "run_at"),
        ]
    },
    "ScheduleChangeRequest": closed(
        {"type": {"enum": [one.value for one in ScheduleType]}, **_RULES, **_COMMON}
    ),
    "ScheduleTriggerRequest": closed({"overlap": optional(_OVERLAP)}),
    "BackfillRequest": closed({"begin": _WHEN, "end": _WHEN}, "begin", "end"),
    "Schedule": shown(_SHOWN),
    "ScheduleList": listed("Schedule"),
    "ScheduleRun": shown(_RUN),
    "ScheduleRunList": listed("ScheduleRun"),
    "SchedulePreview": shown(
        {
            "object": {"const": "list"},
            "data": {"type": "array", "items": INSTANT},
            "has_more": {"const": False},
            "next_cursor": {"type": "null"},
        }
    ),
    "ScheduleBackfill": shown({"object": {"const": "schedule.backfill"}, "runs": COUNT}),
}
