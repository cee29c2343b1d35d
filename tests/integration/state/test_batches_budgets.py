"""Batches whose jobs draw on budgets: what cannot be paid for waits."""

from collections.abc import Iterator

import pytest

from agent_workers.state.proving.invariants import broken
from tests.integration.state.batching import Batched, items
from tests.integration.state.world import World


@pytest.fixture(autouse=True)
def _whole(world: World) -> Iterator[None]:
    yield
    assert broken(world.database) == []


def test_a_batch_whose_budget_is_used_up_waits_for_more(world: World):
    world.one(
        "insert into budgets (tenant_id, budget_id, limit_micro) values (%s, 'month', 50)",
        world.tenant,
    )
    batch = Batched(world)
    batch.run(items(1, max_cost_micro=100))
    assert (batch.status, batch.counts) == ("running", {"pending": 1})
    world.one("update budgets set limit_micro = 100 where tenant_id = %s", world.tenant)
    batch.look()
    assert batch.counts == {"running": 1}


def test_items_without_a_cost_wait_while_their_budget_is_used_up(world: World):
    sql = "insert into budgets (tenant_id, budget_id, limit_micro) values (%s, 'month', 0)"
    world.one(sql, world.tenant)
    batch = Batched(world)
    batch.run(items(1))
    assert (batch.status, batch.counts) == ("running", {"pending": 1})
    world.one("update budgets set limit_micro = 100 where tenant_id = %s", world.tenant)
    batch.look()
    assert batch.counts == {"running": 1}


def test_filling_a_batch_takes_hardly_any_subtransactions(world: World):
    """A transaction of more than 64 makes every snapshot of the server slow."""
    sql = "insert into budgets (tenant_id, budget_id, limit_micro) values (%s, 'month', 1000000)"
    world.one(sql, world.tenant)
    batch = Batched(world, concurrency=90)
    batch.create(items(90, max_cost_micro=100), start=True)
    with world.database.transaction() as connection:
        connection.execute("select keep_this_batch(%s, %s)", (world.tenant, batch.batch_id))
        row = connection.execute(
            "select s.subxact_count, s.subxact_overflowed from pg_stat_get_backend_idset() i,"
            " pg_stat_get_backend_subxact(i) s where pg_stat_get_backend_pid(i) = pg_backend_pid()"
        ).fetchone()
    assert row is not None
    assert (row[0] <= 3, row[1]) == (True, False), row
    assert batch.counts == {"running": 90}
