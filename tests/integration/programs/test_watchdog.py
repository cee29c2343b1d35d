"""A worker that hears no doorbells any more ends itself, and nothing it did is lost."""

from pathlib import Path

import pytest

from agent_workers.embedded.redis import EmbeddedRedis
from agent_workers.state.database.engine import Database
from agent_workers.worker.watchdog import EXIT_CODE
from tests.support.half_open import half_open_wire
from tests.support.worker_system import PATIENCE_S, READY_S, system, until

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("pool", ["threads", "prefork"])
def test_a_deaf_worker_ends_with_a_code_that_asks_for_another(
    database: Database, redis_server: EmbeddedRedis, tmp_path: Path, pool: str
) -> None:
    with (
        half_open_wire(redis_server.port) as wire,
        system(database, redis_server.url, tmp_path) as running,
    ):
        through = redis_server.url.replace(f":{redis_server.port}/", f":{wire.port}/")
        deaf = running.start(
            "deaf",
            *("tests.integration.programs.impatient_worker", pool),
            variables={"AGENT_BROKER_URL": through, "AGENT_REDIS_URL": redis_server.url},
        )
        until(lambda: " ready." in deaf.output(), "it is ready", READY_S)
        before = running.submit(seconds=0.1, rounds=1)
        running.wait_for(before)
        wire.cut()
        # Redis hands one message to the connection that is dead; the others wait.
        jobs = [running.submit(seconds=0.1, rounds=1) for _ in range(3)]
        assert deaf.process.wait(PATIENCE_S) == EXIT_CODE
        assert "worker_deaf" in [event["event"] for event in deaf.events()]
        running.worker("next")
        running.wait_for(*jobs)
        assert {step.deaths for job in jobs for step in running.steps(job)} == {0}
