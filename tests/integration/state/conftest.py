"""Fixtures of the state's tests: a world of one tenant on a real database."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from uuid import uuid4

import pytest

from agent_workers.domain.ids import TenantId
from agent_workers.state.database.engine import Database
from tests.integration.state.invariants import broken
from tests.integration.state.schedule_world import Clockwork
from tests.integration.state.world import World
from tests.support.database import database, tenant

__all__ = ["clock", "database", "tenant", "whole", "world"]


@pytest.fixture
def world(database: Database, tenant: TenantId) -> World:  # the fixture's name
    return World(database, tenant)


@pytest.fixture
def whole(world: World) -> Iterator[None]:
    """Nothing of earlier tests is alive, and the rows agree with each other afterwards."""
    world.end_all()
    yield
    assert broken(world.database) == {}


@pytest.fixture
def alone(database: Database, tenant: TenantId) -> Iterator[World]:
    """A tenant in a session that has not looked yet and is nobody else's, with nothing to do."""
    with closing(Database(database.url, pool_size=1)) as session:
        world = World(session, tenant)
        world.end_all()
        yield world


@pytest.fixture
def worlds(world: World) -> Sequence[World]:
    """Three tenants, in the order of their names."""
    return [World(world.database, TenantId(f"{world.tenant}-{name}")) for name in "abc"]


@pytest.fixture
def tool() -> str:
    """A name of its own: places are counted over all tenants."""
    return f"tool_{uuid4().hex}"


@pytest.fixture
def clock(world: World) -> Iterator[Clockwork]:
    """Schedules of one tenant, which leave nothing behind that another test would fire."""
    clockwork = Clockwork(world)
    yield clockwork
    clockwork.forget_all()
    assert broken(world.database) == {}
