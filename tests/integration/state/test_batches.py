"""Batches in the database: places are handed on, never more than agreed, and the end is told once."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from agent_workers.domain.batch import BatchItem, BatchNotFound, BatchNotOpen
from agent_workers.domain.errors import KeyReused
from agent_workers.domain.ids import TenantId
from agent_workers.state.batches.reads import BatchReads
from agent_workers.state.batches.rows import Batches, ClashingItems
from agent_workers.state.proving.invariants import broken
from tests.integration.state.batching import Batched, items
from tests.integration.state.world import World


@pytest.fixture(autouse=True)
def _whole(world: World) -> Iterator[None]:
    yield
    assert broken(world.database) == []


def test_an_ended_job_hands_its_place_to_the_next_item(world: World):
    batch = Batched(world, concurrency=2)
    batch.run(items(4))
    first, second = batch.live()
    batch.end(first)
    still, third = batch.live()
    assert still == second
    assert batch.input_of(third) == {"n": 3}
    assert batch.counts == {"succeeded": 1, "running": 2, "pending": 1}


def test_a_batch_is_completed_by_the_end_of_its_last_job(world: World):
    batch = Batched(world, concurrency=3)
    batch.run(items(5))
    while batch.live():
        assert len(batch.live()) <= 3
        batch.end(batch.live()[0])
    assert batch.status == "completed"
    assert batch.counts == {"succeeded": 5}


def test_a_failed_item_stops_nothing_unless_asked_to(world: World):
    batch = Batched(world, concurrency=1)
    batch.run(items(2))
    batch.end(batch.live()[0], well=False)
    batch.end(batch.live()[0])
    assert batch.status == "completed"
    assert batch.counts == {"failed": 1, "succeeded": 1}


def test_on_error_stop_lets_run_what_runs_and_starts_no_more(world: World):
    batch = Batched(world, concurrency=2, on_error="stop")
    batch.run(items(5))
    first, second = batch.live()
    batch.end(first, well=False)
    assert batch.live() == [second]
    batch.look()
    assert (batch.status, batch.counts) == ("stopping", {"failed": 1, "running": 1, "canceled": 3})
    batch.end(second)
    assert batch.status == "failed"
    assert batch.counts == {"failed": 1, "succeeded": 1, "canceled": 3}


def test_on_error_stop_is_failed_though_the_last_item_is_the_one_that_failed(world: World):
    batch = Batched(world, concurrency=2, on_error="stop")
    batch.run(items(1))
    batch.end(batch.live()[0], well=False)
    assert batch.status == "failed"


def test_cancel_ends_what_waits_and_what_runs(world: World):
    batch = Batched(world, concurrency=2)
    batch.run(items(4))
    held = world.claim(batch.live()[0])
    assert batch.batches.cancel(world.tenant, batch.batch_id, reason="enough") == "stopping"
    batch.look()
    assert batch.counts == {"canceled": 3, "running": 1}
    assert world.status(held.job_id) == "canceling"
    assert world.records.stand_down(held) == "canceled"
    assert (batch.status, batch.counts) == ("canceled", {"canceled": 4})
    assert batch.batches.cancel(world.tenant, batch.batch_id, reason="again") == "canceled"


def test_an_open_batch_is_canceled_too(world: World):
    batch = Batched(world)
    batch.create(items(3), start=False)
    batch.batches.cancel(world.tenant, batch.batch_id, reason="the upload died")
    batch.look()
    batch.look()
    assert (batch.status, batch.counts) == ("canceled", {"canceled": 3})


def test_a_deadline_expires_the_batch(world: World):
    batch = Batched(world, concurrency=1, deadline=timedelta(0))
    batch.run(items(2))
    batch.look()
    assert (batch.status, batch.counts) == ("expired", {"canceled": 2})


def test_an_empty_batch_is_completed_at_once(world: World):
    batch = Batched(world)
    batch.run([])
    assert batch.status == "completed"


def test_an_item_is_kept_once_for_each_custom_id(world: World):
    batch = Batched(world)
    batch.create(items(3), start=False)
    other = BatchItem(custom_id="item-2", agent="demo", input=b'"other"')
    kept = batch.batches.add(world.tenant, batch.batch_id, [*items(4), other])
    assert (kept.stored, kept.known, kept.clashing) == (1, 3, (5,))
    assert batch.seen.item_count == 4


def test_items_that_clash_in_one_request_store_nothing(world: World):
    batch = Batched(world)
    twice = BatchItem(custom_id="item-1", agent="demo", input=b'"other"')
    with pytest.raises(ClashingItems) as refused:
        batch.create([*items(2), twice], start=True)
    assert refused.value.places == (3,)
    assert BatchReads(world.database).batch(world.tenant, batch.batch_id) is None


def test_a_batch_that_runs_takes_no_more_items(world: World):
    batch = Batched(world)
    batch.run(items(1))
    with pytest.raises(BatchNotOpen):
        batch.batches.add(world.tenant, batch.batch_id, items(2))
    with pytest.raises(BatchNotFound):
        batch.batches.add(TenantId("somebody else"), batch.batch_id, items(2))


def test_a_key_makes_one_batch(world: World):
    batches, terms = Batches(world.database), Batched(world).terms
    ids = [uuid4(), uuid4(), uuid4()]

    def create(number: int, fingerprint: bytes):
        return batches.create(
            world.tenant,
            ids[number],
            terms,
            items=items(1),
            start=True,
            key="nightly",
            fingerprint=fingerprint,
        )

    assert not create(0, b"same").replayed
    again = create(1, b"same")
    assert (again.batch_id, again.replayed) == (ids[0], True)
    with pytest.raises(KeyReused):
        create(2, b"other")


def test_a_schedule_creates_a_batch_once_for_each_id(world: World):
    spec = (
        '{"concurrency": 2, "items": [{"custom_id": "a", "agent": "demo", "input": {"n": 1}},'
        ' {"custom_id": "b", "agent": "demo", "input": "x", "options": {"priority": 3}}]}'
    )
    batch = Batched(world)
    sql = "select create_batch(%s, %s, %s::jsonb)"
    assert world.one(sql, world.tenant, batch.batch_id, spec) is True
    assert world.one(sql, world.tenant, batch.batch_id, spec) is False
    batch.look()
    first, second = batch.live()
    assert batch.input_of(first) == {"n": 1}
    assert world.job(second, "priority") == 3


def test_items_with_a_cost_wait_for_their_budget(world: World):
    world.one(
        "insert into budgets (tenant_id, budget_id, limit_micro) values (%s, 'month', 250)",
        world.tenant,
    )
    batch = Batched(world, concurrency=5)
    batch.run(items(3, max_cost_micro=100))
    assert batch.counts == {"running": 2, "pending": 1}
    batch.end(batch.live()[0])
    batch.look()
    assert batch.counts == {"succeeded": 1, "running": 2}


def test_the_end_of_a_batch_is_announced_once(world: World):
    batch = Batched(world, concurrency=2)
    batch.listen()
    batch.run(items(2))
    for job in batch.live():
        batch.end(job)
        batch.look()
    assert batch.told() == ["completed"]


def test_items_of_one_session_become_jobs_in_their_order_whoever_holds_it(world: World):
    batched = Batched(world, concurrency=3)
    talk = {"session_id": "talk"}
    given = [replace(one, options={} if n % 2 else talk) for n, one in enumerate(items(4), 1)]
    with world.database.transaction() as held:
        held.execute("select lock_session(%s, 'talk')", (world.tenant,))
        batched.run(given)
    _, third = batched.live()
    batched.end(third)
    batched.look()
    sql = (
        "select array_agg(batch_number order by turn) from session_turns"
        " join jobs using (tenant_id, job_id) where tenant_id = %s"
    )
    assert world.one(sql, world.tenant) == [2, 4]
