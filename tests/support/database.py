"""Fixtures for tests of the state: a migrated database per module, a fresh tenant per test."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from alembic import command
from alembic.config import Config

from agent_workers.domain.ids import TenantId
from agent_workers.state.access.grants import Role, grant_all
from agent_workers.state.access.roles import make_roles
from agent_workers.state.database.engine import Database, conninfo
from tests.support.repository import ROOT

POOL_SIZE = 16


def alembic(url: str, ini: Path = ROOT / "alembic.ini") -> Config:
    """Return Alembic's settings for one database."""
    config = Config(str(ini))
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    return config


def migrate(url: str) -> None:
    """Run all migrations."""
    command.upgrade(alembic(url), "head")


@pytest.fixture(scope="module")
def database(database_url: str) -> Iterator[Database]:
    """The engine's way to this module's database."""
    opened = Database(database_url, pool_size=POOL_SIZE, name="tests")
    yield opened
    opened.close()


def roles(database: Database) -> dict[Role, str]:
    """Return the URLs of our roles in a migrated database of a test, each with its grants."""
    urls = make_roles(database.url, dict.fromkeys(Role, "of-tests-only"))
    with psycopg.connect(conninfo(urls[Role.OWNER]), autocommit=True) as connection:
        grant_all(connection)
    return urls


@pytest.fixture
def tenant() -> TenantId:
    """Nobody else's tenant: tests share a database and see nothing of each other."""
    return TenantId(f"tenant-{uuid4().hex[:12]}")
