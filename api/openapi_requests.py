"""The schemas of what callers may send."""

from agent_workers.domain.text.strict_json import DEEPEST, MOST_NODES
from agent_workers.state.jobs.controls import GivenVerdict
from api.http.asked import A_YEAR_S, MOST_USD
from api.http.forms import SESSION_FORM, USER_FORM
from api.schema_words import (
    AHEAD,
    AMOUNT_FORM,
    ANY_JOB_ID,
    INSTANT_FORM,
    OBJECT,
    WITHOUT_NUL,
    Schema,
    closed,
    optional,
    reference,
    text,
)

# Generators of clients need a name for an object that several unions have, and cannot follow a union
# that contains itself: so `Json` is any value, and its limits are in words.
REQUESTS: dict[str, Schema] = {
    "Metadata": {
        "type": "object",
        "maxProperties": 16,
        "propertyNames": {"minLength": 1, "maxLength": 64, "pattern": WITHOUT_NUL},
        "additionalProperties": text(most=512),
    },
    "JsonObject": OBJECT,
    "JobRequest": closed(
        {
            "agent": text(least=1, most=200),
            "input": {"anyOf": [text(), OBJECT]},
            "metadata": optional(reference("Metadata")),
            "priority": optional({"type": "integer", "minimum": 0, "maximum": 100}),
            "run_at": optional({"type": "string", "format": "date-time", "pattern": INSTANT_FORM}),
            "delay": optional({"type": "number", "minimum": 0, "maximum": A_YEAR_S}),
            "deadline": AHEAD,
            "max_cost_usd": {
                "anyOf": [
                    {"type": "string", "pattern": AMOUNT_FORM},
                    {"type": "number", "exclusiveMinimum": 0, "maximum": MOST_USD},
                    {"type": "null"},
                ]
            },
            "max_steps": optional({"type": "integer", "minimum": 1, "maximum": 100_000}),
            "parent_job_id": {"anyOf": [ANY_JOB_ID, {"type": "null"}]},
            "callback_url": optional({"type": "string", "format": "uri", "maxLength": 2_048}),
            "user_id": optional({"type": "string", "pattern": USER_FORM}),
            "session_id": optional({"type": "string", "pattern": SESSION_FORM}),
            "on_busy": optional({"enum": ["queue", "reject", "interrupt"]}),
        },
        "agent",
        "input",
    ),
    "CancelRequest": closed({"reason": text(most=1_000), "mode": {"enum": ["graceful", "now"]}}),
    "PauseRequest": closed({"reason": text(most=1_000)}),
    "EmptyRequest": closed({}),
    "VerdictRequest": {
        "oneOf": [
            closed(
                {
                    "verdict": {"const": GivenVerdict.HAPPENED.value},
                    "result": reference("Json"),
                    "reason": text(least=1, most=1_000),
                },
                "verdict",
                "reason",
            ),
            closed(
                {
                    "verdict": {
                        "enum": [GivenVerdict.NOT_HAPPENED.value, GivenVerdict.ABANDON.value]
                    },
                    "result": {"type": "null"},
                    "reason": text(least=1, most=1_000),
                },
                "verdict",
                "reason",
            ),
        ]
    },
    "Json": {
        "description": (
            f"Any JSON: at most {DEEPEST} levels and {MOST_NODES:,} values; integers of 64 bits."
        ),
    },
}
