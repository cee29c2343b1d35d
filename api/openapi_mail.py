"""What the OpenAPI document says of events that are sent to jobs, and of answers to questions."""

from agent_workers.domain.agents.engine_calls import LONGEST_NAME, MOST_CHOICES
from api.openapi_words import BODY, header, json_reply, operation, path
from api.schema_words import (
    BOOLEAN,
    COUNT,
    JOB_ID,
    JOB_ID_FORM,
    STRING,
    WITHOUT_NUL,
    Schema,
    closed,
    reference,
    shown,
    text,
)

MAIL_SCHEMAS: dict[str, Schema] = {
    "EventRequest": closed(
        {"name": text(least=1, most=LONGEST_NAME), "data": reference("Json")}, "name"
    ),
    "InputRequest": closed(
        {
            "responses": {
                "description": "An answer to each question, by its `key` in `waiting_for`.",
                "type": "object",
                "minProperties": 1,
                "maxProperties": MOST_CHOICES,
                "propertyNames": {
                    "minLength": 1,
                    "maxLength": LONGEST_NAME,
                    "pattern": WITHOUT_NUL,
                },
                "additionalProperties": reference("Json"),
            }
        },
        "responses",
    ),
    "Message": shown(
        {
            "object": {"const": "message"},
            "job_id": JOB_ID,
            "number": COUNT,
            "name": STRING,
            "taken": BOOLEAN,
        }
    ),
}


def send_operation() -> Schema:
    key = header("Idempotency-Key", "The same key with the same body sends one event.")
    taken = {"202": json_reply("Message", "Accepted: kept until the job takes it")}
    job = path("job_id", JOB_ID_FORM)
    return operation("sendEvent", taken, (*BODY, 404, 409, 503), [job, key], body="EventRequest")


def input_operation() -> Schema:
    job = path("job_id", JOB_ID_FORM)
    answered = {"200": json_reply("Job")}
    problems = (*BODY, 404, 409, 410, 503)
    return operation("answerJob", answered, problems, [job], body="InputRequest")
