"""What the OpenAPI document says of the routes of schedules."""

from agent_workers.domain.schedules.schedule import ScheduleStatus
from agent_workers.state.schedules.runs import RunStatus
from api.openapi_words import BODY, CURSOR, header, json_reply, operation, path, query
from api.schema_words import JOB_ID_FORM, Schema

_ID = path("schedule_id", JOB_ID_FORM.replace("(job_|resp_)?", "(sched_)?"))
_AT = "/v1/schedules/{schedule_id}"
_CHANGING = (*BODY, 404, 409, 503)


def schedule_paths() -> Schema:
    key = header("Idempotency-Key", "The same key with the same body gives the same schedule.")
    made = {"201": json_reply("Schedule", "Created") | {"links": _links()}}
    one = {"200": json_reply("Schedule")}
    gone = {"204": {"description": "Deleted, with its runs"}}
    listing = [_limit(), query("cursor", CURSOR), _status(ScheduleStatus)]
    return {
        "/v1/schedules": {
            "post": operation(
                "createSchedule", made, (*BODY, 409, 503), [key], body="ScheduleRequest"
            ),
            "get": operation(
                "listSchedules", {"200": json_reply("ScheduleList")}, (422, 503), listing
            ),
        },
        _AT: {
            "get": operation("getSchedule", one, (404, 422, 503), [_ID]),
            "patch": operation(
                "changeSchedule", one, _CHANGING, [_ID], body="ScheduleChangeRequest"
            ),
            "delete": operation("deleteSchedule", gone, (404, 422, 503), [_ID]),
        },
        f"{_AT}/pause": {
            "post": operation("pauseSchedule", one, _CHANGING, [_ID], body="EmptyRequest?")
        },
        f"{_AT}/resume": {
            "post": operation("resumeSchedule", one, _CHANGING, [_ID], body="EmptyRequest?")
        },
        **_runs(),
    }


def _links() -> Schema:
    """Say where the id of a new schedule leads to."""
    there = (
        "getSchedule changeSchedule pauseSchedule resumeSchedule triggerSchedule previewSchedule"
        " listScheduleRuns"
    ).split()
    parameters = {"schedule_id": "$response.body#/id"}
    return {name: {"operationId": name, "parameters": parameters} for name in there}


def _runs() -> Schema:
    count = query("n", {"type": "integer", "minimum": 1, "maximum": 100, "default": 5})
    listing = [_ID, _limit(), query("cursor", CURSOR), _status(RunStatus)]
    run = {"202": json_reply("ScheduleRun", "Started, or handled as the schedule's `overlap` says")}
    key = header("Idempotency-Key", "The same key with the same body gives the same run.")
    asked = {"202": json_reply("ScheduleBackfill", "Accepted: the runs start within a second")}
    return {
        f"{_AT}/runs": {
            "get": operation(
                "listScheduleRuns", {"200": json_reply("ScheduleRunList")}, (404, 422, 503), listing
            )
        },
        f"{_AT}/preview": {
            "get": operation(
                "previewSchedule",
                {"200": json_reply("SchedulePreview")},
                (404, 422, 503),
                [_ID, count],
            )
        },
        f"{_AT}/trigger": {
            "post": operation(
                "triggerSchedule", run, _CHANGING, [_ID, key], body="ScheduleTriggerRequest?"
            )
        },
        f"{_AT}/backfill": {
            "post": operation("backfillSchedule", asked, _CHANGING, [_ID], body="BackfillRequest")
        },
    }


def _limit() -> Schema:
    return query("limit", {"type": "integer", "minimum": 1, "maximum": 100, "default": 20})


def _status(values: type[ScheduleStatus | RunStatus]) -> Schema:
    return query("status", {"enum": [one.value for one in values]})
