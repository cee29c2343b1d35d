"""A large batch: uploaded through one API, done by two workers, all three killed on the way."""

import json
import os
import signal
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from agent_workers.bench.measures import resident_mib, say
from agent_workers.bench.stage import Stage, wait_for

_LIVE = 100
_WORKER = ("--lanes", "plan,tool,evaluate", "--pool", "threads", "--concurrency", "4")
_RUNNING = "select count(*) from batch_items where status = 'running'"
_OPEN_STEPS = "select count(*) from steps where status in ('ready', 'claimed')"
_ENDED = "select count(*) from batch_items where status not in ('pending', 'running')"
_KEPT = "select item_count from batches order by created_at desc limit 1"
_JOBS = """
select count(*), count(distinct batch_number), count(*) filter (where status = 'succeeded')
  from jobs where batch_id is not null"""
_ENDS = """
select count(*) from journal where type in ('succeeded', 'failed', 'canceled')
   and job_id in (select job_id from batch_items)"""


@dataclass(slots=True)
class _Watch:
    """Samples from another thread, until it is told to stop: how many jobs live, how much memory."""

    stage: Stage
    most_live: int = 0
    most_mib: float = 0.0
    samples: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def on(self, *looks: Callable[[], None]) -> Iterator["_Watch"]:
        def run() -> None:
            while not self._stop.wait(0.03):
                for look in looks:
                    look()
                self.samples += 1

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            thread.join()

    def memory(self) -> None:
        api = self.stage.processes.get("api")
        if api is not None and api.poll() is None:
            self.most_mib = max(self.most_mib, resident_mib(api.pid))

    def live(self) -> None:
        live = max(_ask(self.stage, _RUNNING), _ask(self.stage, _OPEN_STEPS))
        self.most_live = max(self.most_live, live)


def large_batch(stage: Stage, *, lines: int, kills: int = 6) -> None:
    """Upload and run a batch; kill the API within the upload, workers and API within the run."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "items.jsonl"
        write_lines(path, lines, agent="bench_answer")
        for name in ("first", "second"):
            stage.start_worker(name, _WORKER)
        try:
            batch = call(stage, "POST", "/v1/batches", {"concurrency": _LIVE})
            _upload(stage, path, batch, lines)
            _run(stage, batch, lines, kills)
        finally:
            for name in ("first", "second"):
                if name in stage.processes:
                    stage.stop(name)
    _judge(stage, batch, lines)


def _upload(stage: Stage, path: Path, batch: dict[str, Any], lines: int) -> None:
    at = f"{batch['links']['items']}"

    def die() -> None:
        wait_for(lambda: _ask(stage, _KEPT) > lines // 3, "a third of the upload", patience_s=300)
        _kill(stage, "api")

    killer = threading.Thread(target=die)
    killer.start()
    try:
        send_lines(stage, path, at)
        say("  the first upload ended before its kill")
    except (OSError, HTTPException):
        kept = _ask(stage, _KEPT)
        say(f"  kill -9 of the API during the upload: {kept:,} of {lines:,} lines were kept")
    killer.join()
    stage.restart_api()
    call(stage, "GET", "/v1/batches")
    before, began = resident_mib(stage.processes["api"].pid), time.monotonic()
    watch = _Watch(stage)
    with watch.on(watch.memory):
        told = send_lines(stage, path, at)
    took = time.monotonic() - began
    say(
        f"  upload of {lines:,} lines ({path.stat().st_size / 1e6:.0f} MB): {took:.1f} s,"
        f" {lines / took:,.0f} lines/s, {told['stored']:,} new and {told['known']:,} known;"
        f" API {before:.0f} MiB before, {watch.most_mib:.0f} MiB at most"
    )


def _run(stage: Stage, batch: dict[str, Any], lines: int, kills: int) -> None:
    began = time.monotonic()
    watch = _Watch(stage)
    with watch.on(watch.live, watch.memory):
        call(stage, "POST", batch["links"]["start"], {"item_count": lines})
        for kill in range(1, kills + 1):
            part = lines * kill // (kills + 1)
            wait_for(lambda n=part: _ask(stage, _ENDED) >= n, "progress", patience_s=3_000)  # type: ignore[misc]
            _kill_one(stage, kill)
        wait_for(lambda: _status(stage) not in {"running", "stopping"}, "its end", patience_s=3_000)
    took = time.monotonic() - began
    say(
        f"  {lines:,} no-op jobs of one step: {took:.0f} s, {lines / took:.0f} jobs/s, with {kills}"
        f" kill -9 meanwhile; at most {watch.most_live} live of {_LIVE} allowed"
        f" ({watch.samples:,} samples); API at most {watch.most_mib:.0f} MiB"
    )


def _judge(stage: Stage, batch: dict[str, Any], lines: int) -> None:
    shown = call(stage, "GET", batch["links"]["self"])
    with stage.database.connection() as connection:
        connection.execute("set statement_timeout = 0")
        row = connection.execute(_JOBS).fetchone()
        ends = connection.execute(_ENDS).fetchone()
        connection.execute("set statement_timeout = 30000")
    before, watch = resident_mib(stage.processes["api"].pid), _Watch(stage)
    began = time.monotonic()
    with watch.on(watch.memory):
        found = Counter(read_results(stage, batch["links"]["results"]))
    took = time.monotonic() - began
    assert row is not None
    assert ends is not None
    say(
        f"  {shown['status']}: {row[0]:,} jobs for {row[1]:,} items, {row[2]:,} succeeded,"
        f" {ends[0]:,} ends in the journal; results.jsonl: {len(found):,} custom_ids, each at"
        f" most {max(found.values())} x, in {took:.1f} s; API {before:.0f} MiB before,"
        f" {watch.most_mib:.0f} at most"
    )
    if tuple(row) != (lines, lines, lines) or ends[0] != lines or len(found) != lines:
        raise RuntimeError("some item did not end exactly once")


def _kill_one(stage: Stage, number: int) -> None:
    """The API every third time, else a worker; each is started again at once."""
    if number % 3 == 0:
        _kill(stage, "api")
        stage.restart_api()
        return
    name = ("first", "second")[number % 2]
    _kill(stage, name)
    stage.start(name, "agent_workers.worker.programs.main", *_WORKER)


def _kill(stage: Stage, name: str) -> None:
    process = stage.processes.pop(name)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _status(stage: Stage) -> str:
    with stage.database.connection() as connection:
        row = connection.execute(
            "select status from batches order by created_at desc limit 1"
        ).fetchone()
    return "" if row is None else str(row[0])


def _ask(stage: Stage, sql: str) -> int:
    with stage.database.connection() as connection:
        row = connection.execute(sql.encode()).fetchone()
    return 0 if row is None else int(row[0])


_FIRST_ERROR = 400
_PATIENCE_S = 600.0


def write_lines(path: Path, count: int, *, agent: str) -> None:
    with path.open("w") as file:
        for number in range(count):
            item = {"custom_id": f"item-{number}", "agent": agent, "input": {"number": number}}
            file.write(json.dumps(item) + "\n")


# Any: JSON of whatever the API returned.
def call(stage: Stage, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401
    with closing(_connection(stage)) as connection:
        sent = None if body is None else json.dumps(body).encode()
        connection.request(method, path, sent, _headers(stage, "application/json"))
        return _answer(connection)


def send_lines(stage: Stage, path: Path, at: str) -> Any:  # noqa: ANN401 (as above)
    """Stream a file as it is; nobody says how long it will be."""
    with closing(_connection(stage)) as connection, path.open("rb") as file:
        connection.request(
            "PUT", at, file, _headers(stage, "application/x-ndjson"), encode_chunked=True
        )
        return _answer(connection)


def read_results(stage: Stage, at: str) -> Iterator[str]:
    """Yield the custom_id of each result."""
    with closing(_connection(stage)) as connection:
        connection.request("GET", at, headers=_headers(stage, "application/json"))
        for line in connection.getresponse():
            yield str(json.loads(line)["custom_id"])


def _answer(connection: HTTPConnection) -> Any:  # noqa: ANN401 (as above)
    response = connection.getresponse()
    body = response.read()
    if response.status >= _FIRST_ERROR:
        raise RuntimeError(f"the API answered {response.status}: {body[:500]!r}")
    return json.loads(body)


def _connection(stage: Stage) -> HTTPConnection:
    return HTTPConnection("127.0.0.1", stage.port, timeout=_PATIENCE_S)


def _headers(stage: Stage, kind: str) -> dict[str, str]:
    return {"authorization": f"Bearer {stage.token}", "content-type": kind}
