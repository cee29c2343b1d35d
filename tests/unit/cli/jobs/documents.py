"""Documents as the API gives them: a job, its steps and what it waits for."""

from datetime import UTC, datetime
from typing import Any

from agent_workers.cli.jobs.needs import Seen

ID = "job_00000000000000000000000000000001"
NOW = datetime(2030, 1, 1, 12, 0, 30, tzinfo=UTC)
LATER, EARLIER = "2030-01-01T12:05:30Z", "2030-01-01T12:00:00Z"
# Any: JSON of the API's shapes.
Json = dict[str, Any]


def job(**members: Any) -> Json:
    usual: Json = {
        "id": ID,
        "agent": "weather",
        "agent_version": "1",
        "workflow": "",
        "status": "running",
        "status_detail": None,
        "output": None,
        "error": None,
        "degraded": [],
        "usage": {"input_tokens": 3, "output_tokens": 4, "tool_calls": 1, "cost_usd": "0.250000"},
        "waiting_for": [],
        "user_id": None,
        "session_id": None,
        "parent_job_id": None,
        "schedule_id": None,
        "batch_id": None,
        "metadata": {},
        "created_at": EARLIER,
        "started_at": EARLIER,
        "finished_at": None,
        "deadline_at": None,
    }
    return usual | members


def step(position: int = 0, **members: Any) -> Json:
    usual: Json = {
        "position": position,
        "round": 0,
        "kind": "tool",
        "lane": "tool",
        "status": "done",
        "tool": "forecast",
        "effect": "pure",
        "outcome_type": "tool_ran",
        "outcome": {"city": "Lisbon"},
        "claims": 1,
        "tries": 0,
        "deaths": 0,
        "last_error": None,
        "due_at": EARLIER,
        "claimed_at": "2030-01-01T12:00:01Z",
        "done_at": "2030-01-01T12:00:03.500Z",
    }
    return usual | members


def waits(kind: str, **members: Any) -> Json:
    usual: Json = {"position": 1, "key": None, "prompt": None, "since": EARLIER, "until": None}
    return usual | {"kind": kind, "behind": None} | members


def seen(*steps: Json, doubts: tuple[Json, ...] = (), **members: Any) -> Seen:
    return Seen(job=job(**members), steps=steps, doubts=doubts, now=NOW)
