"""Batches over HTTP: create, upload a file of lines, start, follow, read the results."""

import json
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from agent_workers.client.errors import Unreachable
from agent_workers.client.http import Json, Wire

ENDED = frozenset({"completed", "failed", "canceled", "expired"})
_LINES = "application/x-ndjson"
_ATTEMPTS = 5
_SILENCE_S = 60.0


class BatchCalls:
    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def create(self, *, idempotency_key: str | None = None, **members: object) -> Json:
        """Create a batch: `jobs`, or `items` over a `job_template`, or neither before an upload."""
        # A key of our own makes it safe to try again when an answer is lost.
        headers = {"idempotency-key": idempotency_key or str(uuid.uuid4())}
        return self._wire.ask("POST", "/v1/batches", body=members, headers=headers)

    def upload(self, batch_id: str, path: Path) -> Json:
        """Send a file of lines; after a lost connection all of it again, which stores no line twice."""
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                told: Json = self._wire.send_file(f"{_of(batch_id)}/items", path, kind=_LINES).body
            except Unreachable:
                if attempt == _ATTEMPTS:
                    raise
                time.sleep(0.2 * 2**attempt)
            else:
                return told
        raise AssertionError("the last attempt returns or raises")

    def start(self, batch_id: str, *, item_count: int | None = None) -> Json:
        return self._wire.ask("POST", f"{_of(batch_id)}/start", {"item_count": item_count})

    def get(self, batch_id: str) -> Json:
        return self._wire.ask("GET", _of(batch_id))

    def all(self, *, limit: int = 20) -> list[Json]:
        """Return the newest batches."""
        return list(self._wire.rows("/v1/batches", most=limit))

    def cancel(self, batch_id: str, *, reason: str = "") -> Json:
        return self._wire.ask("POST", f"{_of(batch_id)}/cancel", {"reason": reason})

    def results(self, batch_id: str) -> Iterator[Json]:
        """Yield what came of each item that has ended, as it is read."""
        lines = self._wire.lines(
            f"{_of(batch_id)}/results.jsonl", {"accept": _LINES}, silence_s=_SILENCE_S
        )
        for line in lines:
            if line:
                yield json.loads(line)

    def follow(self, batch_id: str, *, every_s: float = 1.0) -> Iterator[Json]:
        """Yield the batch now and again, its end last."""
        while True:
            batch = self.get(batch_id)
            yield batch
            if batch["status"] in ENDED:
                return
            time.sleep(every_s)


def _of(batch_id: str) -> str:
    return f"/v1/batches/{quote(batch_id, safe='')}"
