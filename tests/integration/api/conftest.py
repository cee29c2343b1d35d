"""Fixtures of the API's tests: a server per module, a client per test with a tenant of its own."""

from collections.abc import Iterator

import httpx
import pytest

from agent_workers.domain.ids import TenantId
from agent_workers.embedded.redis import EmbeddedRedis
from agent_workers.state.database.engine import Database
from tests.integration.api.contract import CONTRACT, NEVER_SEEN
from tests.integration.api.live import Live, running_api
from tests.integration.state.world import World
from tests.support.database import database, tenant
from tests.support.replies_seen import tell

__all__ = ["client", "database", "live", "tenant", "world"]


@pytest.fixture(autouse=True)
def described_replies() -> Iterator[None]:
    """Every reply of the API is as its document says, whatever the test is about."""
    CONTRACT.wrong.clear()
    yield
    assert CONTRACT.wrong == []


def pytest_sessionfinish(session: pytest.Session) -> None:
    tell(session, wanted=CONTRACT.wanted() - set(NEVER_SEEN), seen=CONTRACT.seen)


@pytest.fixture(scope="module")
def live(database: Database, redis_server: EmbeddedRedis) -> Iterator[Live]:
    with running_api(database, redis_server.url) as running:
        yield running


@pytest.fixture
def client(live: Live, tenant: TenantId) -> Iterator[httpx.Client]:
    with live.client(tenant) as opened:
        yield opened


@pytest.fixture
def world(database: Database, tenant: TenantId) -> World:
    return World(database, tenant)
