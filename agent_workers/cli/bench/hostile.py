"""An honest tenant beside a hostile one: how long its jobs wait to start, and its webhooks to come."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from typing_extensions import override

from agent_workers.cli import programs
from agent_workers.cli.bench.http import Connection
from agent_workers.cli.bench.measures import percentile, say
from agent_workers.cli.bench.stage import Stage, Topology, wait_for
from agent_workers.domain.ids import TenantId

_HOSTILE = TenantId("hostile")
_EVERY_S = 0.25
_WORKERS = Topology(
    name="one worker of four threads",
    workers=(("--lanes", "plan,tool,evaluate", "--pool", "threads", "--concurrency", "4"),),
)
_TIMES = """
select extract(epoch from started_at - created_at)::float8,
       extract(epoch from finished_at)::float8
  from unnest(%s::uuid[]) with ordinality asked (job_id, n) join jobs using (job_id)
 where tenant_id = 'bench' order by n"""
_DID = """
select (select count(*) from jobs where tenant_id = %(hostile)s),
       (select count(*) from schedules where tenant_id = %(hostile)s),
       (select count(*) from triggers where tenant_id = %(hostile)s),
       (select count(*) from webhook_deliveries where tenant_id = %(hostile)s)"""
_HEAVY = "data.l.all(a, data.l.all(b, data.l.all(c, a + b + c >= 0)))"


@dataclass(slots=True)
class _Hostile:
    """What the hostile tenant does, each in a thread of its own until it is over."""

    stage: Stage
    over: threading.Event = field(default_factory=threading.Event)
    opened: list[Connection] = field(default_factory=list)
    events: int = 0
    refused: int = 0

    def connect(self) -> Connection:
        connection = self.stage.connect_as(_HOSTILE)
        self.opened.append(connection)
        return connection

    def attack(self, one: Callable[[], None]) -> None:
        """Attack until the server has enough of it."""
        with suppress(OSError, ValueError):
            one()

    def flood(self) -> None:
        """Thousands of jobs of the highest priority."""
        connection = self.connect()
        for _ in range(2_000):
            connection.submit("bench_nap", {"seconds": 0.02}, priority=100)
            if self.over.is_set():
                return

    def silent_callbacks(self) -> None:
        """Jobs whose end is told to a host that takes connections and never answers."""
        with _silent() as port:
            connection = self.connect()
            for _ in range(300):
                url = f"http://127.0.0.1:{port}/"
                job = {"agent": "bench_answer", "input": "x", "callback_url": url}
                _post(connection, "/v1/jobs", job)
            self.over.wait()

    def schedules(self) -> None:
        """Schedules that are due each second."""
        connection = self.connect()
        target = {"job": {"agent": "bench_answer", "input": "x"}}
        body = {"type": "interval", "interval_s": 1, "overlap": "allow", "target": target}
        for _ in range(200):
            _post(connection, "/v1/schedules", body)

    def expressions(self) -> None:
        """Events for triggers whose conditions would take for ever."""
        connection = self.connect()
        for number in range(8):
            trigger = {"name": f"heavy {number}", "agent": "bench_answer", "where": [_HEAVY]}
            _post(connection, "/v1/triggers", trigger)
        event = {"specversion": "1.0", "source": "/s", "type": "t", "data": {"l": [1] * 4_000}}
        while not self.over.is_set():
            _post(connection, "/v1/events", event | {"id": str(self.events)})
            self.events += 1

    def bodies(self) -> None:
        """Bodies that take long to refuse."""
        connection = self.connect()
        doubled = b'{"input":{' + b",".join(b'"a%d":1' % n for n in range(90_000)) + b',"a0":1}}'
        while not self.over.is_set():
            connection.post("/v1/jobs", doubled)
            self.refused += 1

    def idle_sockets(self) -> None:
        """Connections that never say anything."""
        with ExitStack() as stack:
            for _ in range(300):
                try:
                    opened = socket.create_connection(("127.0.0.1", self.stage.port), 5)
                except OSError:
                    break
                stack.enter_context(opened)
            self.over.wait()

    def did(self) -> str:
        with self.stage.database.connection() as connection:
            row = connection.execute(_DID, {"hostile": _HOSTILE}).fetchone()
        assert row is not None
        jobs, schedules, triggers, webhooks = row
        return (
            f"  the hostile one had {jobs} jobs, {schedules} schedules of a second, {triggers} heavy"
            f" triggers hit by {self.events} events, {webhooks} webhooks to a silent host, and sent"
            f" {self.refused} bodies that take long to refuse"
        )

    @property
    def attacks(self) -> Sequence[Callable[[], None]]:
        ours = (self.flood, self.schedules, self.expressions, self.bodies, self.idle_sockets)
        return (*ours, self.silent_callbacks)


@dataclass(slots=True)
class _Honest:
    """A job each quarter of a second, and when its end was told."""

    stage: Stage
    told: dict[str, float] = field(default_factory=dict)
    jobs: list[str] = field(default_factory=list)
    answers: list[float] = field(default_factory=list)

    def submit(self, seconds: float) -> None:
        with ExitStack() as stack:
            port = stack.enter_context(_receiver(self.told))
            end = time.monotonic() + seconds
            connection = stack.enter_context(closing(self.stage.connect()))
            while time.monotonic() < end:
                began = time.monotonic()
                url = f"http://127.0.0.1:{port}/"
                body = {"agent": "bench_noop", "input": "x", "callback_url": url}
                self.jobs.append(_post(connection, "/v1/jobs", body))
                self.answers.append(time.monotonic() - began)
                time.sleep(max(0.0, began + _EVERY_S - time.monotonic()))
            wait_for(lambda: len(self.told) >= len(self.jobs), "all webhooks", patience_s=300)

    def delays(self) -> tuple[list[float], list[float]]:
        """How long each job waited to start, and how long after its end that was told."""
        ids = [job.removeprefix("job_") for job in self.jobs]
        with self.stage.database.connection() as connection:
            rows = connection.execute(_TIMES, (ids,)).fetchall()
        told = [self.told[job] - ended for job, (_, ended) in zip(self.jobs, rows, strict=True)]
        return [waited for waited, _ in rows], told


@dataclass(frozen=True, slots=True, kw_only=True)
class Delays:
    """Of each job of the honest tenant: until it was answered, started, and its end was told."""

    answered: Sequence[float]
    started: Sequence[float]
    told: Sequence[float]


def beside_a_hostile_tenant(stage: Stage, *, seconds: float = 20.0) -> Delays:
    """Measure an honest tenant alone, and beside all attacks together; returns the latter."""
    stage.environment["AGENT_ALLOW_PRIVATE_WEBHOOKS"] = "true"
    stage.stop("api")
    stage.restart_api()
    with stage.workers(_WORKERS):
        stage.start("beat", programs.BEAT)
        stage.start("webhooks", programs.WEBHOOKS)
        _one(stage, "alone", seconds)
        hostile = _Hostile(stage)
        threads = [threading.Thread(target=hostile.attack, args=(one,)) for one in hostile.attacks]
        for thread in threads:
            thread.start()
        time.sleep(3)
        try:
            return _one(stage, "beside a hostile tenant", seconds)
        finally:
            say(hostile.did())
            hostile.over.set()
            for name in ("beat", "webhooks", "api"):
                stage.stop(name)
            for thread in threads:
                thread.join()
            for connection in hostile.opened:
                connection.close()


def _one(stage: Stage, name: str, seconds: float) -> Delays:
    honest = _Honest(stage)
    honest.submit(seconds)
    starts, told = honest.delays()
    say(
        f"an honest tenant {name}, {len(honest.jobs)} jobs: answered after {_both(honest.answers)},"
        f" started after {_both(starts)}, told after {_both(told)}"
    )
    return Delays(answered=honest.answers, started=starts, told=told)


def _both(delays: Sequence[float]) -> str:
    return f"{percentile(delays, 0.5):.3f} s (p99 {percentile(delays, 0.99):.3f})"


def _post(connection: Connection, path: str, body: Mapping[str, object]) -> str:
    """Send a request; returns the id of what it made, if anything."""
    answer = connection.post(path, json.dumps(body).encode()).body
    return str(answer.get("id", "")) if isinstance(answer, dict) else ""


@contextmanager
def _silent() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as server:
        yield int(server.getsockname()[1])


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
