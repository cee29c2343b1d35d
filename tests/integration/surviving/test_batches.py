"""A batch of 2,000 lines ends exactly once each, whoever is killed on the way."""

import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import httpx
import pytest

from agent_workers.embedded.ports import free_port
from agent_workers.state.access.keys import Keys
from agent_workers.state.database.engine import Database
from agent_workers.state.proving.invariants import broken
from tests.support.worker_system import PEPPER, TENANT, Program, System, until

pytestmark = pytest.mark.slow

LINES = 2_000
LIVE = 20
UPLOAD = {"content-type": "application/x-ndjson"}
RUNNING = "select count(*) from batch_items where status = 'running'"
UNENDED = "select count(*) from jobs where batch_id is not null and finished_at is null"
ENDED = "select count(*) from batch_items where status not in ('pending', 'running')"


def lines() -> list[bytes]:
    return [
        json.dumps({"custom_id": f"line-{n}", "agent": "answering", "input": {"n": n}}).encode()
        for n in range(LINES)
    ]


class Caller:
    """Calls an API that is killed and started again on the same port."""

    def __init__(self, running: System) -> None:
        self.running = running
        self.port = free_port()
        token = Keys(running.database, pepper=PEPPER).create(TENANT).token
        self.client = httpx.Client(
            base_url=f"http://127.0.0.1:{self.port}",
            headers={"authorization": f"Bearer {token}"},
            timeout=30,
        )
        self.api = self.start()

    def start(self) -> Program:
        variables = {"AGENT_API_PORT": str(self.port)}
        self.api = self.running.start("api", "api.main", variables=variables)
        until(self._answers, "the API answers")
        return self.api

    def kill_within_upload(self, batch: dict[str, Any]) -> None:
        """Send half of the lines, kill the API while it waits for the rest."""

        def body() -> Iterator[bytes]:
            yield b"\n".join(lines()[: LINES // 2]) + b"\n"
            kept = "select item_count from batches"
            until(lambda: self.running.ask(kept) >= LINES // 4, "a quarter is kept")
            self.api.kill()
            yield lines()[-1]

        with pytest.raises(httpx.TransportError):
            self.client.put(batch["links"]["items"], content=body(), headers=UPLOAD)
        self.start()

    def close(self) -> None:
        self.client.close()

    def _answers(self) -> bool:
        try:
            return self.client.get("/health/live").status_code == 200
        except httpx.TransportError:
            return False


@contextmanager
def watching(database: Database) -> Iterator[list[int]]:
    """Count live jobs from a thread, again and again: two ways in one glance."""
    seen: list[int] = []
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(0.05):
            with database.connection() as connection:
                row = connection.execute(f"select ({RUNNING}), ({UNENDED})".encode()).fetchone()
            assert row is not None
            assert row[0] == row[1]
            seen.append(row[0])

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        stop.set()
        thread.join()


def kill_three_times(running: System, caller: Caller, workers: dict[str, Program]) -> None:
    """Kill each worker as the batch goes on, and the API once; start each again."""
    for part, name in ((0.2, "first"), (0.4, "second"), (0.6, "first")):
        enough = LINES * part
        until(lambda most=enough: running.ask(ENDED) >= most, f"{part} are done", 60)  # type: ignore[misc]
        workers[name].kill()
        workers[name] = running.worker(name)
        if name == "second":
            caller.api.kill()
            caller.start()


def test_every_line_ends_once_whoever_is_killed(running: System, database: Database):
    workers = {name: running.worker(name) for name in ("first", "second")}
    with closing(Caller(running)) as caller:
        run_a_batch(running, database, caller, workers)


def run_a_batch(
    running: System, database: Database, caller: Caller, workers: dict[str, Program]
) -> None:
    batch = caller.client.post("/v1/batches", json={"concurrency": LIVE}).json()
    caller.kill_within_upload(batch)
    assert caller.client.get(batch["links"]["self"]).json()["status"] == "open"
    told = caller.client.put(batch["links"]["items"], content=b"\n".join(lines()), headers=UPLOAD)
    assert told.json()["stored"] + told.json()["known"] == LINES
    assert told.json()["known"] >= LINES // 4
    with watching(database) as live:
        caller.client.post(batch["links"]["start"], json={"item_count": LINES})
        kill_three_times(running, caller, workers)
        until(lambda: running.ask("select status from batches") == "completed", "the end", 60)
    assert 1 < max(live) <= LIVE
    results = caller.client.get(batch["links"]["results"]).text.splitlines()
    found = Counter(json.loads(line)["custom_id"] for line in results)
    assert len(found) == len(results) == LINES
    jobs = "select count(distinct batch_number) - count(*) from jobs where batch_id is not null"
    assert running.ask(jobs) == 0
    assert broken(database) == []
