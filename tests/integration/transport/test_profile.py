"""The two questions that decide the Redis profile: does a worker outlive Redis, is any slot idle."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agent_workers.embedded.redis import EmbeddedRedis
from agent_workers.transport.doorbells.nudge import Nudge
from tests.integration.transport.bench import WorkerProcess, a_ring, until, worker

SLOTS = 8
WAVES = 20
TASK_MS = 50


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[EmbeddedRedis]:
    """One that a test may kill without hurting the others."""
    with EmbeddedRedis(tmp_path / "redis") as server:
        yield server


@contextmanager
def a_nudge(url: str) -> Iterator[Nudge]:
    nudge = Nudge(url, cap=10_000)
    try:
        yield nudge
    finally:
        nudge.close()


@pytest.mark.slow
@pytest.mark.parametrize("pool", ["threads", "prefork"])
def test_a_worker_outlives_redis_and_consumes_again(
    own_redis: EmbeddedRedis, tmp_path: Path, pool: str
) -> None:
    with (
        a_nudge(own_redis.url) as nudge,
        worker(own_redis.url, tmp_path, pool=pool, concurrency=2) as running,
    ):
        _lose_redis(own_redis.stop, own_redis, nudge, running, tasks=1)
        _lose_redis(own_redis.kill, own_redis, nudge, running, tasks=1)
        _lose_redis(own_redis.kill, own_redis, nudge, running, tasks=4)
        _lose_redis(own_redis.stop, own_redis, nudge, running, tasks=4)


def _lose_redis(
    end: Callable[[], None],
    server: EmbeddedRedis,
    nudge: Nudge,
    running: WorkerProcess,
    *,
    tasks: int,
) -> None:
    """With two slots, one task leaves a slot free; four fill both and wait in the queue too."""
    before = [a_ring(sleep_ms=1500) for _ in range(tasks)]
    nudge.ring(before)
    until(lambda: running.has("started", *before[:2]), "the slots are taken")
    end()
    server.start()
    after = [a_ring() for _ in range(4)]
    nudge.ring(after)
    until(lambda: running.has("ended", *before[:2], *after), "it consumes again")
    assert running.is_alive


@pytest.mark.slow
@pytest.mark.parametrize("events", [True, False], ids=["events", "no-events"])
def test_full_waves_lose_no_time(own_redis: EmbeddedRedis, tmp_path: Path, *, events: bool) -> None:
    rings = [a_ring(sleep_ms=TASK_MS) for _ in range(SLOTS * WAVES)]
    with (
        a_nudge(own_redis.url) as nudge,
        worker(
            own_redis.url, tmp_path, pool="threads", concurrency=SLOTS, events=events
        ) as running,
    ):
        nudge.ring(rings)
        until(lambda: running.has("ended", *rings), "all waves are over")
        took = max(running.times("ended").values()) - min(running.times("started").values())
    # 1.0 s when no slot waits; without events to wake Celery's loop, and without us, about 18 s.
    assert took < 8


@pytest.mark.slow
def test_a_high_ring_overtakes_the_ordinary_ones(own_redis: EmbeddedRedis, tmp_path: Path) -> None:
    ordinary = [a_ring(sleep_ms=TASK_MS) for _ in range(40)]
    urgent = a_ring(high=True)
    with (
        a_nudge(own_redis.url) as nudge,
        worker(own_redis.url, tmp_path, pool="threads", concurrency=1) as running,
    ):
        nudge.ring(ordinary)
        until(lambda: running.has("started", ordinary[0]), "the first one started")
        nudge.ring([urgent])
        until(lambda: running.has("ended", urgent, *ordinary), "all ended")
        order = list(running.times("started"))
    assert order.index(urgent.job_id.hex) < 20
