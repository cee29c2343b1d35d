"""Fixtures of the tests with real worker processes: a migrated database, a broker, a system on them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from agent_workers.embedded.redis import EmbeddedRedis
from agent_workers.state.database.engine import Database
from tests.support.database import database, tenant
from tests.support.worker_system import System, system

__all__ = ["database", "running", "tenant"]
# One that nothing else in these tests uses; whoever is given it finds and leaves it empty.
_QUEUES = 3


@pytest.fixture
def running(
    database: Database,
    redis_server: EmbeddedRedis,
    tmp_path: Path,
) -> Iterator[System]:
    with system(database, redis_server.url, tmp_path) as started:
        yield started
        started.end_all_jobs()


@pytest.fixture
def redis_url(redis_server: EmbeddedRedis) -> str:
    return redis_server.url_of(_QUEUES)


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    with Redis.from_url(redis_url) as client:
        client.flushdb()
        yield client
        client.flushdb()
