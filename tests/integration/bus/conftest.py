"""Fixtures of the tests on real brokers: one RabbitMQ node for all of them."""

from collections.abc import Iterator

import pytest

from agent_workers.domain.ids import TenantId
from agent_workers.state.database.engine import Database
from agent_workers.state.triggers.rows import Triggers
from tests.integration.bus.ingest_world import Bell, intake, trigger
from tests.support.database import database, tenant
from tests.support.rabbitmq_server import RabbitMQ

__all__ = ["database", "tenant"]


@pytest.fixture(scope="package")
def rabbitmq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQ]:
    with RabbitMQ(tmp_path_factory.mktemp("rabbitmq")) as node:
        yield node


@pytest.fixture
def started(database: Database, tenant: TenantId) -> None:
    """A trigger that wants every order, for an agent that is known."""
    intake(database, Bell())
    Triggers(database).create(tenant, trigger(types=("order.*",)))
