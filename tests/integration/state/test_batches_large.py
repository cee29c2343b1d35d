"""A batch of very many items that are sent again, which the planner believes to have none."""

from collections.abc import Iterator

import pytest

from agent_workers.state.proving.invariants import broken
from tests.integration.state.batching import Batched, items
from tests.integration.state.world import World


@pytest.fixture(autouse=True)
def _whole(world: World) -> Iterator[None]:
    yield
    assert broken(world.database) == []


def test_a_large_batch_costs_a_look_into_an_index_for_each_item(world: World):
    """Whatever statistics say: a look that reads the whole batch would take minutes."""
    other = Batched(world, concurrency=1)
    other.create(items(2_000), start=False)
    with world.database.connection() as connection:
        connection.execute("analyze batch_items")  # of this module's database: one batch has all
    batch, many = Batched(world, concurrency=1_000), items(20_000)
    batch.create(many, start=False)
    kept = batch.batches.add(world.tenant, batch.batch_id, many)
    assert (kept.stored, kept.known) == (0, 20_000)
    batch.batches.start(world.tenant, batch.batch_id)
    batch.look()
    assert batch.counts == {"running": 1_000, "pending": 19_000}
    batch.batches.cancel(world.tenant, batch.batch_id, reason="enough")
    for _ in range(16):
        batch.look()
    assert (batch.status, batch.counts) == ("canceled", {"canceled": 20_000})
