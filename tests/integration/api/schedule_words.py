"""What a generator of requests must know of schedules, and no schema can say."""

from typing import Any

from tests.integration.api.live import AGENT

# A day that no year has, a zone that is nowhere and an end before the begin are mistakes all the same.
_SOUND = {
    "expression": {"enum": ["30 2 * * *", "*/5 * * * 1-5", "0 0 29 2 *"]},
    "timezone": {"enum": ["UTC", "Europe/Berlin", "Australia/Lord_Howe"]},
    "run_at": {"enum": ["2150-01-01T00:00:00Z"]},
    "start_at": {"enum": ["2100-01-01T00:00:00Z", None]},
    "end_at": {"enum": ["2190-01-01T00:00:00Z", None]},
}


def tell_of_schedules(schemas: dict[str, Any]) -> None:
    for one in schemas["ScheduleRequest"]["anyOf"]:
        known = one["properties"]
        known.update({name: schema for name, schema in _SOUND.items() if name in known})
        known["jitter_s"] = {"const": 0}
    # Which members go together depends on the schedule that is changed.
    changes = schemas["ScheduleChangeRequest"]["properties"]
    for name in ("type", "expression", "timezone", "interval_s", "run_at", "start_at", "end_at"):
        del changes[name]
    changes["jitter_s"] = {"const": 0}
    # What items take from their template decides whether they are whole.
    job = {"agent": AGENT, "input": "hello"}
    schemas["ScheduledBatch"] = {"const": {"job_template": job, "items": [{}, {"priority": 1}]}}
    known = schemas["ScheduledJob"]["properties"]
    known["agent"] = {"const": AGENT}
    known["callback_url"] = {"type": "null"}  # as in webhook_words
    span = schemas["BackfillRequest"]["properties"]
    span["begin"] = span["end"] = {"const": "2026-01-01T00:00:00Z"}
