"""Batches under load: jobs that end and keepers that look at once, and very many items."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from agent_workers.domain.step import Lane
from agent_workers.state.proving.invariants import broken
from tests.integration.state.batching import FINISH, Batched, items
from tests.integration.state.world import World


@pytest.fixture(autouse=True)
def _whole(world: World) -> Iterator[None]:
    yield
    assert broken(world.database) == []


def test_many_that_end_at_once_keep_to_the_concurrency_and_complete_once(world: World):
    batch = Batched(world, concurrency=8)
    batch.listen()
    batch.run(items(120))
    seen: list[int] = []

    def work(_: int) -> None:
        while True:
            claimed = world.claims.next((Lane.PLAN,))
            if claimed is None:
                return
            world.record(claimed, FINISH)
            seen.append(len(batch.live()))

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(6)))
    while batch.live():
        batch.look()
        work(0)
    batch.look()
    assert max(seen) <= 8
    assert (batch.status, batch.counts) == ("completed", {"succeeded": 120})
    assert batch.told() == ["completed"]
    assert world.one("select count(*) from jobs where batch_id = %s", batch.batch_id) == 120


def test_keepers_that_look_at_once_fill_no_place_twice(world: World):
    batch = Batched(world, concurrency=5)
    batch.create(items(200), start=True)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: batch.look(), range(40)))
    assert len(batch.live()) == 5


def test_a_keeper_and_those_who_end_jobs_keep_to_the_concurrency(world: World):
    batch = Batched(world, concurrency=6)
    batch.run(items(150))
    seen: list[int] = []

    def work(number: int) -> None:
        for _ in range(40):
            if number % 2:
                batch.look()
            else:
                claimed = world.claims.next((Lane.PLAN,))
                if claimed is not None:
                    world.record(claimed, FINISH)
            seen.append(len(batch.live()))

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(6)))
    assert max(seen) <= 6
