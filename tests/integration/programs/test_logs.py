"""What a worker says: one event per line, of which job, with no secret, and not too much."""

import os
import re
import signal

import pytest

from agent_workers.domain.ids import to_wire
from agent_workers.embedded.redis import EmbeddedRedis
from tests.support.worker_system import System

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("pool", ["threads", "prefork"])
def test_a_worker_logs_events_that_name_their_job_and_no_secret(
    running: System, redis_server: EmbeddedRedis, pool: str
) -> None:
    worker = running.worker(pool=pool)
    jobs = [running.submit(seconds=0.05, rounds=1) for _ in range(3)]
    running.wait_for(*jobs)
    redis_server.kill()
    redis_server.start()
    jobs += [running.submit(seconds=0.05, rounds=1)]
    running.wait_for(*jobs)
    assert worker.end() == 0
    events = worker.events()
    naps = [event for event in events if event["event"] == "lies_down"]
    assert {event["job_id"] for event in naps} == {to_wire(job) for job in jobs}
    assert {event["position"] for event in naps} == {1}
    ends = [event for event in events if event["event"] == "job_ended"]
    assert sorted(end["job_id"] for end in ends) == sorted(to_wire(job) for job in jobs)
    assert {end["status"] for end in ends} == {"succeeded"}
    assert not [event for event in events if re.search("received|succeeded", event["event"])]
    password = re.search(":([^:@/]+)@", redis_server.url)
    assert password is not None
    assert password[1] not in worker.output()
    assert running.database.url not in worker.output()


def test_a_lost_child_is_an_event_among_the_others(running: System) -> None:
    worker = running.worker(pool="prefork")
    job = running.submit(seconds=0.5, rounds=1)
    child = running.held(job)
    os.kill(child, signal.SIGKILL)
    running.wait_for(job)
    assert worker.end() == 0
    events = worker.events()
    assert any(f"pid:{child} exited" in event["event"] for event in events)
    assert "step_recovered" in [event["event"] for event in events]
