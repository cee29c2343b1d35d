"""Whatever others put into a queue, workers live on, and do what a nudge would have had them do."""

from pathlib import Path

import pytest
from redis import Redis

from agent_workers.transport.brokers.profiles import KEY_PREFIX
from agent_workers.transport.celery_app.app import make_app
from agent_workers.transport.doorbells.redis_bell import envelope
from agent_workers.transport.doorbells.ring import message_of
from tests.integration.transport.bench import a_ring, until, worker
from tests.integration.transport.forging import forged, passed_over, strays

QUEUE = KEY_PREFIX + "tool"

pytestmark = pytest.mark.slow


def test_strays_in_redis_end_no_worker_and_forged_headers_do_nothing(
    redis: Redis, redis_url: str, tmp_path: Path
) -> None:
    ring, other, last, after = a_ring(sleep_ms=200), a_ring(), a_ring(), a_ring()
    redis.rpush(QUEUE, *strays(), envelope(forged(ring, other)))
    with worker(redis_url, tmp_path, pool="prefork", concurrency=1) as running:
        until(lambda: running.has("ended", ring), "the forged nudge was answered as any other")
        redis.rpush(QUEUE, envelope(message_of(last, origin="")))
        until(lambda: running.has("ended", last), "the worker is there")
        assert not running.has("started", other)
        passed_over(running, len(strays()))
        redis.set(KEY_PREFIX + "plan", "no list")
        until(lambda: b"ResponseError" in running.log.read_bytes(), "the worker has met it")
        redis.delete(KEY_PREFIX + "plan")
        redis.rpush(QUEUE, envelope(message_of(after, origin="")))
        until(lambda: running.has("ended", after), "the worker is there still")
        pinged = make_app(redis_url).control.ping(timeout=0.2)
    assert pinged == [], "nobody commands it"
