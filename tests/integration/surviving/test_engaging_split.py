"""Workers that serve one lane each: a child is planned, and its parent woken, by a ring and no sweep."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent_workers.embedded.redis import EmbeddedRedis
from agent_workers.state.database.engine import Database
from tests.integration.surviving.test_engaging import AGENTS, answer_of
from tests.support.worker_system import System, system

# A step that nobody rang for is found a second after it is due.
UNRUNG_S = 1.0
TRIES = 4


@pytest.fixture
def running(database: Database, redis_server: EmbeddedRedis, tmp_path: Path) -> Iterator[System]:
    with system(database, redis_server.url, tmp_path, AGENT_TOOLS=AGENTS) as started:
        yield started
        started.end_all_jobs()


def test_jobs_ring_for_each_other_across_lanes(running: System) -> None:
    for lane in ("plan", "tool", "evaluate"):
        running.worker(lane, lanes=lane)
    delays = []
    for _ in range(TRIES):
        job = running.submit("fan", of="leaf", children=1)
        assert answer_of(running, job) == 1
        delay = "extract(epoch from claimed_at - due_at)::float8"
        woken = f"select {delay} from steps where job_id = %s and position = 1"
        begun = f"select {delay} from steps s join jobs j using (job_id) where parent_id = %s"
        first = running.ask(f"{begun} and position = 0", job)
        delays.append((first, running.ask(woken, job)))
    planned, woken_again = zip(*delays, strict=True)
    assert min(planned) < UNRUNG_S, delays
    assert min(woken_again) < UNRUNG_S, delays
