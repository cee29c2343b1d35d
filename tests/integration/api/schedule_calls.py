"""Short ways to make schedules over HTTP."""

from datetime import datetime
from typing import Any

import httpx

JOB = {"job": {"agent": "demo", "input": {"city": "Oslo"}}}
NIGHTLY = {"type": "cron", "expression": "30 2 * * *", "timezone": "Europe/Berlin", "target": JOB}
HOURLY = NIGHTLY | {"expression": "0 * * * *", "timezone": "UTC"}


def make(client: httpx.Client, **members: Any) -> dict[str, Any]:
    reply = client.post("/v1/schedules", json=NIGHTLY | members)
    assert reply.status_code == 201, reply.text
    made: dict[str, Any] = reply.json()
    assert reply.headers["location"] == f"/v1/schedules/{made['id']}"
    return made


def of(schedule: dict[str, Any], rest: str = "") -> str:
    return f"/v1/schedules/{schedule['id']}{rest}"


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
