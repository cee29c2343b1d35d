"""What the proof found, each at the lowest level that shows it."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from agent_workers.domain.effect import Asked, EffectClass, EffectRules, EffectState, KnownEffect
from agent_workers.domain.errors import StateUnavailable
from agent_workers.domain.ids import TenantId
from agent_workers.orchestration.effects.act_rules import life_of_key
from agent_workers.state.database.engine import Database
from agent_workers.state.proving.invariants import broken
from tests.integration.state.acting import allow, effect
from tests.integration.state.world import World
from tests.support.database import database, tenant

__all__ = ["database", "tenant"]

_RULES = EffectRules(
    cls=EffectClass.KEYED, timeout=timedelta(seconds=1), key_ttl=timedelta(hours=24)
)


@pytest.fixture
def world(database: Database, tenant: TenantId) -> Iterator[World]:
    made = World(database, tenant)
    yield made
    assert broken(database) == []


def test_a_transaction_that_idled_too_long_has_lost_its_connection(database: Database) -> None:
    with pytest.raises(StateUnavailable, match="idle-in-transaction"):
        _idle(database)
    with database.connection() as another:
        assert another.execute("select 1").fetchone() == (1,)


def test_a_step_that_stands_down_canceled_with_an_open_permit_leaves_a_doubt(
    world: World,
) -> None:
    first = world.acting(EffectClass.UNSAFE)
    allow(world, first)
    world.expire(first)
    world.sweeps.expired()
    second = world.claim(first.job_id, 1)
    assert world.cancel(first.job_id) == "canceling"
    assert world.records.stand_down(second) == "canceled"
    assert world.status(first.job_id) == "canceled"
    assert effect(world, first) == "in_doubt"


def test_a_retried_jobs_first_claim_does_not_live_as_long_as_a_new_key() -> None:
    now = datetime(2026, 1, 2, tzinfo=UTC)
    old = KnownEffect(
        state=EffectState.INTENDED,
        result=None,
        first_granted_at=now - timedelta(hours=23),
        quiet_after=None,
        last=None,
    )
    asked = Asked(result="ok", known=old, request=b"{}", now=now)
    assert life_of_key(_RULES, asked) == timedelta(hours=1) - _RULES.settle


def _idle(database: Database) -> None:
    until = time.monotonic() + 10
    with database.transaction() as connection:
        connection.execute("set local idle_in_transaction_session_timeout = 50")
        while time.monotonic() < until:
            time.sleep(0.2)
            connection.execute("select 1")
