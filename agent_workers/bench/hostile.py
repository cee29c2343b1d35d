"""An honest tenant beside a hostile one: how long its jobs wait to start, and its webhooks to come."""

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from typing_extensions import override

from agent_workers.bench.measures import percentile, say
from agent_workers.bench.stage import Stage, Topology, wait_for
from agent_workers.local import programs
from agent_workers.proving.attacks import bombs, readers, work
from agent_workers.proving.attacks.hostile import TENANT, Hostile, post

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


_WORKERS = Topology(
    name="one worker of four threads",
    workers=(("--lanes", "plan,tool,evaluate", "--pool", "threads", "--concurrency", "4"),),
)
_SURROUNDINGS: Mapping[str, str] = {
    "AGENT_ALLOW_PRIVATE_WEBHOOKS": "true",
    "AGENT_HTTP_PRIVATE": "127.0.0.0/8",
}
_DID = """
select (select count(*) from jobs where tenant_id = %(hostile)s),
       (select count(*) from schedules where tenant_id = %(hostile)s),
       (select count(*) from triggers where tenant_id = %(hostile)s),
       (select count(*) from webhook_deliveries where tenant_id = %(hostile)s)"""
_ATTACKS = (
    work.flood(jobs=2_000, seconds=0.06),
    work.schedules(200),
    work.silent_callbacks(300),
    work.tar_pits(every_s=0.5),
    bombs.expressions(),
    bombs.bodies(),
    readers.idle_sockets(300),
    readers.slow_heads(100),
    readers.unread_files(100),
    readers.unread_streams(100),
)


def beside_a_hostile_tenant(stage: Stage, *, seconds: float = 20.0) -> Delays:
    """Measure an honest tenant alone, and beside all attacks together; returns the latter."""
    stage.environment |= _SURROUNDINGS
    stage.stop("api")
    stage.restart_api()
    with stage.workers(_WORKERS):
        stage.start("beat", programs.BEAT)
        stage.start("webhooks", programs.WEBHOOKS)
        # Who has just started has not loaded everything.
        submit(stage, seconds=1)
        measured(stage, "alone", seconds)
        hostile = Hostile(connect=stage.connecting_as(TENANT), port=stage.port)
        hostile.begin(_ATTACKS)
        time.sleep(3)
        try:
            return measured(stage, "beside a hostile tenant", seconds)
        finally:
            say(_told(stage, hostile.did))
            # Asked to stop, they would wait for hosts that never answer.
            stage.kill_all()
            hostile.end()


def _told(stage: Stage, did: Counter[str]) -> str:
    with stage.database.connection() as connection:
        row = connection.execute(_DID, {"hostile": TENANT}).fetchone()
    assert row is not None
    names = ("jobs", "schedules that fire each second", "triggers", "webhooks to a silent host")
    made = dict(zip(names, row, strict=True)) | did
    return "  the hostile tenant had " + ", ".join(
        f"{count} {name}" for name, count in made.items()
    )
