"""Fixtures of the tests with real worker processes: a migrated database, a broker, a system on them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent_workers.embedded.redis import EmbeddedRedis
from agent_workers.state.engine import Database
from tests.database import database, tenant
from tests.integration.worker_system import System, system

__all__ = ["database", "running", "tenant"]


@pytest.fixture
def running(
    database: Database,
    redis_server: EmbeddedRedis,
    tmp_path: Path,
) -> Iterator[System]:
    with system(database, redis_server.url, tmp_path) as started:
        yield started
        started.end_all_jobs()
