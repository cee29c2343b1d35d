"""Fixtures of the state's tests: a world of one tenant on a real database."""

import pytest

from agent_workers.domain.ids import TenantId
from agent_workers.state.engine import Database
from tests.database import database, tenant
from tests.integration.state.world import World

__all__ = ["database", "tenant", "world"]


@pytest.fixture
def world(database: Database, tenant: TenantId) -> World:  # the fixture's name
    return World(database, tenant)
