"""The Python client: submit a job, watch it, wait for it, control it, judge its doubts."""

import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import quote, urlencode

from agent_workers.client.artifacts import ArtifactCalls
from agent_workers.client.batches import BatchCalls
from agent_workers.client.errors import Unreachable, WaitedInVain
from agent_workers.client.http import Json, Wire
from agent_workers.client.mcp import McpServerCalls
from agent_workers.client.memories import MemoryCalls
from agent_workers.client.schedules import ScheduleCalls
from agent_workers.client.sessions import SessionCalls
from agent_workers.client.stream import Event, events_in
from agent_workers.client.triggers import TriggerCalls
from agent_workers.client.webhooks import WebhookCalls

_TERMINAL = frozenset({"succeeded", "failed", "canceled"})
_AT_ONCE_S = 0.5
_LONGEST_WAIT_S = 30
# The server sends a comment every 15 s; longer silence is a dead connection.
_SILENCE_S = 45.0
_RECONNECT_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job as the API last showed it; `raw` is everything it said."""

    id: str
    status: str
    output: Any
    error: Json | None
    raw: Json
    # In which ways the result is less than what was asked for.
    degraded: tuple[str, ...] = ()

    @property
    def finished(self) -> bool:
        return self.status in _TERMINAL


class Client:
    """Threads may share a client: each gets a connection of its own."""

    def __init__(
        self, base_url: str, api_key: str, *, timeout: timedelta = timedelta(seconds=30)
    ) -> None:
        self._wire = Wire(base_url, api_key, timeout_s=timeout.total_seconds())
        self.artifacts = ArtifactCalls(self._wire)
        self.batches = BatchCalls(self._wire)
        self.triggers = TriggerCalls(self._wire)
        self.mcp_servers = McpServerCalls(self._wire)
        self.memories = MemoryCalls(self._wire)
        self.schedules = ScheduleCalls(self._wire)
        self.sessions = SessionCalls(self._wire)
        self.webhooks = WebhookCalls(self._wire)

    def submit(
        self,
        agent: str,
        input: str | Mapping[str, Any],  # noqa: A002 (the API's own word)
        *,
        idempotency_key: str | None = None,
        metadata: Mapping[str, str] | None = None,
        **options: object,
    ) -> Job:
        """Submit a job. Only with an idempotency key is a failed call tried again.

        `options` are members of the API's request: `deadline`, `delay`, `run_at`, `priority`, …;
        times may be `datetime` with a zone, durations `timedelta`.
        """
        body: Json = {"agent": agent, "input": input, **options}
        if metadata is not None:
            body["metadata"] = dict(metadata)
        headers = {} if idempotency_key is None else {"idempotency-key": idempotency_key}
        reply = self._wire.call(
            "POST", "/v1/jobs", body=body, headers=headers, repeatable=bool(headers)
        )
        return _job(reply.body)

    def get(self, job_id: str) -> Job:
        return _job(self._wire.ask("GET", _of(job_id)))

    def jobs(self, *, cursor: str | None = None, limit: int = 20, **filters: str) -> Json:
        """Return one page: `data`, `has_more`, `next_cursor`. It may have fewer jobs than `limit`."""
        members = {"limit": str(limit), **filters} | ({"cursor": cursor} if cursor else {})
        return self._wire.ask("GET", f"/v1/jobs?{urlencode(members)}")

    def each_job(self, *, most: int = sys.maxsize, **filters: str) -> Iterator[Json]:
        """Yield jobs, the newest first, over as many pages as it takes."""
        yield from self._wire.rows("/v1/jobs", filters, most=most)

    def wait(self, job_id: str, *, timeout: timedelta | None = None) -> Job:
        """Return the job once it has ended."""
        end = None if timeout is None else time.monotonic() + timeout.total_seconds()
        while True:
            left = _LONGEST_WAIT_S if end is None else max(0.0, end - time.monotonic())
            wait_s = min(_LONGEST_WAIT_S, int(left) + 1)
            asked = time.monotonic()
            reply = self._wire.call("GET", f"{_of(job_id)}?wait={wait_s}", wait_s=wait_s)
            job = _job(reply.body)
            if job.finished:
                return job
            if end is not None and time.monotonic() >= end:
                raise WaitedInVain(f"{job.id} is still {job.status} after {timeout}")
            if time.monotonic() - asked < _AT_ONCE_S:
                time.sleep(_AT_ONCE_S)  # so many wait that the server makes nobody else wait

    def events(self, job_id: str, *, after: int = 0) -> Iterator[Event]:
        """Yield each event of the job once, to its end, over as many connections as it takes."""
        while True:
            try:
                lines = self._wire.lines(
                    f"{_of(job_id)}/events", {"last-event-id": str(after)}, silence_s=_SILENCE_S
                )
                for event in events_in(lines):
                    after = event.number
                    yield event
                    if event.type.removeprefix("job.") in _TERMINAL:
                        return
            except Unreachable:
                time.sleep(_RECONNECT_S)
            else:
                if self.get(job_id).finished:
                    return

    def steps(self, job_id: str) -> list[Json]:
        return self._named(f"{_of(job_id)}/steps")

    def trace(self, job_id: str) -> list[Json]:
        return self._named(f"{_of(job_id)}/trace")

    def agents(self) -> list[Json]:
        return self._named("/v1/agents")

    def tools(self) -> list[Json]:
        """The tools that workers have, with what each takes, gives and declares."""
        return self._named("/v1/tools")

    def cancel(self, job_id: str, *, reason: str = "", now: bool = False) -> Job:
        mode = "now" if now else "graceful"
        return self._ask(f"{_of(job_id)}/cancel", {"reason": reason, "mode": mode})

    def pause(self, job_id: str, *, reason: str = "") -> Job:
        return self._ask(f"{_of(job_id)}/pause", {"reason": reason})

    def resume(self, job_id: str) -> Job:
        return self._ask(f"{_of(job_id)}/resume", {})

    def release(self, job_id: str, position: int) -> Job:
        """Let a step try again that was put into quarantine."""
        return self._ask(f"{_of(job_id)}/steps/{position}/release", {})

    def send_event(
        self, job_id: str, name: str, data: object = None, *, idempotency_key: str | None = None
    ) -> Json:
        """Send a job an event. Only with an idempotency key is a failed call tried again."""
        headers = {} if idempotency_key is None else {"idempotency-key": idempotency_key}
        return self._wire.ask(
            "POST",
            f"{_of(job_id)}/events",
            body={"name": name, "data": data},
            headers=headers,
            repeatable=bool(headers),
        )

    def answer(self, job_id: str, responses: Mapping[str, object]) -> Job:
        """Answer questions of a job, by the keys in its `waiting_for`."""
        return self._ask(f"{_of(job_id)}/input", {"responses": dict(responses)})

    def doubts(self) -> list[Json]:
        """Return every effect in doubt, the oldest doubt first."""
        return list(self._wire.rows("/v1/doubts"))

    def doubt(self, effect_key: str) -> Json:
        return self._wire.ask("GET", f"/v1/doubts/{quote(effect_key, safe='')}")

    def resolve(
        self,
        effect_key: str,
        verdict: Literal["happened", "not_happened", "abandon"],
        *,
        reason: str,
        result: object = None,
    ) -> Json:
        """Say what became of an effect in doubt."""
        body: Json = {"verdict": verdict, "reason": reason}
        if result is not None:
            body["result"] = result
        path = f"/v1/doubts/{quote(effect_key, safe='')}/verdict"
        return self._wire.ask("POST", path, body=body, repeatable=False)

    def close(self) -> None:
        """Close this thread's connection."""
        self._wire.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _named(self, path: str) -> list[Json]:
        return list(self._wire.rows(path, place="after", at_once=1_000))

    def _ask(self, path: str, body: Json) -> Job:
        return _job(self._wire.call("POST", path, body=body).body)


def _of(job_id: str) -> str:
    return f"/v1/jobs/{quote(job_id, safe='')}"


def _job(raw: Json) -> Job:
    return Job(
        id=raw["id"],
        status=raw["status"],
        output=raw.get("output"),
        error=raw.get("error"),
        raw=raw,
        degraded=tuple(raw.get("degraded", ())),
    )
