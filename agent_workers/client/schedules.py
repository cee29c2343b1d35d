"""What the client calls of schedules; `client.schedules` is one of these."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from agent_workers.client.http import Json, Wire


class ScheduleCalls:
    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def create(
        self, target: Mapping[str, Any], *, idempotency_key: str | None = None, **members: object
    ) -> Json:
        """Make a schedule: once, however often an answer is lost on the way."""
        headers = {"idempotency-key": idempotency_key or str(uuid.uuid4())}
        return self._wire.ask(
            "POST", "/v1/schedules", {"target": target, **members}, headers=headers
        )

    def get(self, schedule_id: str) -> Json:
        return self._wire.ask("GET", _of(schedule_id))

    def all(self, *, status: str | None = None) -> list[Json]:
        """Return every schedule, the newest first."""
        return list(self._wire.rows("/v1/schedules", {"status": status}))

    def change(self, schedule_id: str, **members: object) -> Json:
        """Change these members, and nothing else."""
        return self._wire.ask("PATCH", _of(schedule_id), members)

    def delete(self, schedule_id: str) -> None:
        self._wire.call("DELETE", _of(schedule_id), repeatable=False)

    def pause(self, schedule_id: str) -> Json:
        return self._wire.ask("POST", f"{_of(schedule_id)}/pause", {})

    def resume(self, schedule_id: str) -> Json:
        return self._wire.ask("POST", f"{_of(schedule_id)}/resume", {})

    def trigger(self, schedule_id: str, *, overlap: str | None = None) -> Json:
        """Fire it now; returns the run, which its overlap policy may have skipped."""
        body = {} if overlap is None else {"overlap": overlap}
        return self._wire.ask("POST", f"{_of(schedule_id)}/trigger", body, repeatable=False)

    def backfill(self, schedule_id: str, begin: datetime, end: datetime) -> int:
        """Run the ticks of a time gone by that have not run; returns how many those are."""
        body = {"begin": begin.isoformat(), "end": end.isoformat()}
        return int(self._wire.ask("POST", f"{_of(schedule_id)}/backfill", body)["runs"])

    def preview(self, schedule_id: str, *, count: int = 5) -> list[str]:
        found: list[str] = self._wire.ask("GET", f"{_of(schedule_id)}/preview?n={count}")["data"]
        return found

    def runs(self, schedule_id: str, *, status: str | None = None, most: int = 100) -> list[Json]:
        """Return the latest runs, the last tick first."""
        return list(self._wire.rows(f"{_of(schedule_id)}/runs", {"status": status}, most=most))


def _of(schedule_id: str) -> str:
    return f"/v1/schedules/{quote(schedule_id, safe='')}"
