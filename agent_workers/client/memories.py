"""What the client calls of memories; `client.memories` is one of these."""

import json
from urllib.parse import quote, urlencode

from agent_workers.client.http import Json, Wire

_AT = "/v1/memories"


class MemoryCalls:
    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def all(
        self,
        *,
        user_id: str | None = None,
        subject: str | None = None,
        job_id: str | None = None,
        history: bool = False,
        most: int = 10_000,
    ) -> list[Json]:
        """Return memories, the newest first; `history`: those too that no longer count."""
        given = {"user_id": user_id, "subject": subject, "job_id": job_id}
        members = given | {"history": str(history).lower()}
        return list(self._wire.rows(_AT, members, most=most))

    def get(self, memory_id: str) -> Json:
        """Return a memory, with what it has replaced."""
        return self._wire.ask("GET", _of(memory_id))

    def forget(self, memory_id: str) -> None:
        self._wire.call("DELETE", _of(memory_id), repeatable=False)

    def forget_user(self, user_id: str) -> int:
        """Delete everything that is remembered of a user; returns how much that was."""
        return int(self._wire.ask("DELETE", f"{_AT}?{urlencode({'user_id': user_id})}")["removed"])

    def take_back(self, job_id: str) -> Json:
        """Remove what an ended job taught; what that had replaced counts again."""
        return self._wire.ask("DELETE", f"/v1/jobs/{quote(job_id, safe='')}/memories")

    def export(self, *, user_id: str | None = None) -> list[Json]:
        """Return everything that is remembered, history included."""
        members = "" if user_id is None else f"?{urlencode({'user_id': user_id})}"
        lines = self._wire.fetch(f"{_AT}.jsonl{members}").splitlines()
        return [json.loads(line) for line in lines]


def _of(memory_id: str) -> str:
    return f"{_AT}/{quote(memory_id, safe='')}"
