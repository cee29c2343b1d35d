"""Fixtures that every kind of test may use: real servers, started once and always stopped."""

import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, settings

from agent_workers.embedded.postgres import EmbeddedPostgres
from agent_workers.embedded.redis import EmbeddedRedis
from tests.support.database import migrate
from tests.support.replies_seen import add_from, judge
from tests.support.servers import (
    end_abandoned_servers,
    running_postgres,
    running_redis,
    temp_folder,
)
from tests.support.soundness import Soundness, check, soundness_of

_numbers = count(1)
# How long an example takes says more of the machine than of us; what is tried is the same each time.
settings.register_profile(
    "ours",
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
# For `make fuzz`: others each time, and many more; what failed is kept and tried first next time.
settings.register_profile(
    "fuzz",
    deadline=None,
    max_examples=20_000,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("ours")


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: object) -> None:
    add_from(node)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    judge(session)


@pytest.fixture(scope="session")
def server_folder() -> Iterator[Path]:
    end_abandoned_servers(Path(tempfile.gettempdir()))
    with temp_folder() as folder:
        yield folder


@pytest.fixture(scope="session")
def postgres_server(server_folder: Path) -> Iterator[EmbeddedPostgres]:
    with running_postgres(server_folder) as server:
        yield server


@pytest.fixture(scope="session")
def redis_server(server_folder: Path) -> Iterator[EmbeddedRedis]:
    with running_redis(server_folder) as server:
        yield server


@pytest.fixture(scope="session")
def migrated(postgres_server: EmbeddedPostgres) -> str:
    """The name of a database that has all migrations: the template of what tests use."""
    name = "migrated"
    migrate(postgres_server.create_database(name))
    return name


@pytest.fixture(scope="module")
def database_url(postgres_server: EmbeddedPostgres, migrated: str) -> str:
    """This test module's own database with all migrations, as a SQLAlchemy URL.

    It is not dropped: a drop makes Postgres write a checkpoint, and the folder goes away anyway.
    """
    name = f"test_{next(_numbers)}"
    with psycopg.connect(postgres_server.dsn, autocommit=True) as connection:
        connection.execute(f"create database {name} template {migrated}".encode())
    return postgres_server.url_of(name)


@pytest.fixture(scope="module")
def empty_database_url(postgres_server: EmbeddedPostgres) -> str:
    """This test module's own database without a table, as a SQLAlchemy URL."""
    return postgres_server.create_database(f"empty_{next(_numbers)}")


@pytest.fixture(scope="module")
def soundness(database_url: str) -> Iterator[Soundness]:
    with soundness_of(database_url) as asked:
        yield asked


@pytest.fixture(autouse=True)
def sound_rows(request: pytest.FixtureRequest) -> Iterator[None]:
    """Ask about every invariant when a test with a database ends; `breaks_rows` opts out."""
    if "database_url" not in request.fixturenames:
        yield
        return
    asked: Soundness = request.getfixturevalue("soundness")
    yield
    check(request, asked)
