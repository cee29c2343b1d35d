"""A tenant that submits a job each quarter of a second, and what it waits for."""

import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from typing_extensions import override

from agent_workers.bench.measures import percentile, say
from agent_workers.bench.stage import Stage, wait_for
from agent_workers.proving.attacks.hostile import post

_EVERY_S = 0.25
_TIMES = """
select extract(epoch from started_at - created_at)::float8,
       extract(epoch from finished_at)::float8
  from unnest(%s::uuid[]) with ordinality asked (job_id, n) join jobs using (job_id)
 where tenant_id = 'bench' order by n"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delays:
    """Of each job: until it was answered, started, and its end was told."""

    answered: Sequence[float]
    started: Sequence[float]
    told: Sequence[float]


def measured(stage: Stage, name: str, seconds: float) -> Delays:
    """Submit for so long, and say how long everything took."""
    delays = submit(stage, seconds=seconds)
    say(
        f"an honest tenant {name}, {len(delays.started)} jobs: answered after"
        f" {_both(delays.answered)}, started after {_both(delays.started)}, told after"
        f" {_both(delays.told)}"
    )
    return delays


def submit(stage: Stage, *, seconds: float) -> Delays:
    """Submit for so long, and wait for all webhooks."""
    answered: list[float] = []
    jobs: list[str] = []
    told: dict[str, float] = {}
    with _receiver(told) as port, closing(stage.connect()) as connection:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            began = time.monotonic()
            url = f"http://127.0.0.1:{port}/"
            body = {"agent": "bench_noop", "input": "x", "callback_url": url}
            jobs.append(post(connection, "/v1/jobs", body))
            answered.append(time.monotonic() - began)
            time.sleep(max(0.0, began + _EVERY_S - time.monotonic()))
        wait_for(lambda: len(told) >= len(jobs), "all webhooks", patience_s=300)
    times = _times(stage, jobs)
    return Delays(
        answered=answered,
        started=[waited for waited, _ in times],
        told=[told[job] - ended for job, (_, ended) in zip(jobs, times, strict=True)],
    )


def _times(stage: Stage, jobs: Sequence[str]) -> list[tuple[float, float]]:
    """How long each job waited to start, and when it ended."""
    ids = [job.removeprefix("job_") for job in jobs]
    with stage.database.connection() as connection:
        return connection.execute(_TIMES, (ids,)).fetchall()


def _both(delays: Sequence[float]) -> str:
    return f"{percentile(delays, 0.5):.3f} s (p99 {percentile(delays, 0.99):.3f})"


@contextmanager
def _receiver(told: dict[str, float]) -> Iterator[int]:
    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            told.setdefault(body["data"]["id"], time.time())
            self.send_response(204)
            self.end_headers()

        @override
        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
