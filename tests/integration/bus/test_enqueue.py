"""A job that somebody's transaction enqueued is done by a real worker within a moment."""

import json
import time
from uuid import UUID

import pytest

from agent_workers.domain.ids import JobId
from tests.support.worker_system import TENANT, System, until

pytestmark = [pytest.mark.slow]
ENQUEUE = "select agent_workers.enqueue('napping', %s::jsonb, tenant => %s)"


def test_the_keeper_rings_within_a_second_of_the_commit(running: System) -> None:
    running.worker()
    waits = []
    for _ in range(3):
        given = json.dumps({"seconds": 0.01, "rounds": 1})
        told = running.ask(ENQUEUE, given, TENANT)
        began = time.monotonic()
        job = JobId(UUID(told.removeprefix("job_")))
        until(lambda: running.job(job).started_at is not None, "it has begun")  # noqa: B023
        waits.append(time.monotonic() - began)
        running.wait_for(job)
    assert min(waits) < 1.0, waits
