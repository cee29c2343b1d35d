"""pytest-celery's fixtures, on the product's own app, its own worker command and local servers."""

import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from celery import Celery
from pytest_celery import CeleryTestBroker, CeleryTestWorker, CeleryWorkerCluster

from agent_workers.embedded.redis import EmbeddedRedis
from agent_workers.state.database.engine import Database
from agent_workers.transport.celery_app.app import make_app
from tests.cluster.containers import RedisProcess, WorkerProcess
from tests.support.database import database
from tests.support.worker_system import System, system

__all__ = ["database"]

POOLS = {"first": "threads", "second": "prefork"}


@pytest.fixture(scope="session")
def own_redis(server_folder: Path) -> Iterator[EmbeddedRedis]:
    """Not the one of the other tests: here it is killed."""
    with EmbeddedRedis(server_folder / "cluster-redis") as server:
        yield server


@pytest.fixture
def celery_broker(own_redis: EmbeddedRedis) -> CeleryTestBroker:
    return CeleryTestBroker(RedisProcess(own_redis))


@pytest.fixture
def celery_backend_cluster() -> None:
    """Results are rows in Postgres."""


@pytest.fixture
def celery_setup_app(celery_broker: CeleryTestBroker) -> Celery:
    return make_app(celery_broker.config()["host_url"], remote_control=True)


@pytest.fixture
def running(
    database: Database, celery_broker: CeleryTestBroker, tmp_path: Path
) -> Iterator[System]:
    assert celery_broker.ready()
    with system(database, celery_broker.config()["host_url"], tmp_path) as started:
        started.variables["AGENT_REMOTE_CONTROL"] = "true"
        yield started
        started.end_all_jobs()


@pytest.fixture
def celery_worker_cluster(
    running: System, celery_setup_app: Celery
) -> Iterator[CeleryWorkerCluster]:
    workers = [
        CeleryTestWorker(
            WorkerProcess(name, partial(running.start_worker, name, pool=pool)),
            app=celery_setup_app,
        )
        for name, pool in POOLS.items()
    ]
    cluster = CeleryWorkerCluster(*workers)
    cluster.ready()
    yield cluster
    cluster.teardown()


@pytest.fixture
def celery_worker(celery_worker_cluster: CeleryWorkerCluster) -> CeleryTestWorker:
    return celery_worker_cluster[0]


@pytest.fixture(scope="session")
def docker_engine() -> None:
    """Skip where no Docker engine answers."""
    try:
        asked = subprocess.run(["docker", "info"], capture_output=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        pytest.skip("no Docker on this machine")
    if asked.returncode:
        pytest.skip("no Docker engine answers")
