"""Nudge against a real Redis that is up, down or hung, and what Flower sees of a ring."""

import json
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from redis import Redis

from agent_workers.domain.step import Lane
from agent_workers.embedded.redis import EmbeddedRedis
from agent_workers.transport.brokers.profiles import KEY_PREFIX
from agent_workers.transport.celery_app.app import make_app
from agent_workers.transport.doorbells.nudge import Nudge
from agent_workers.transport.doorbells.publisher import PublisherHealth
from tests.integration.transport.bench import a_ring, until, worker

QUEUE = KEY_PREFIX + "tool"
HIGH_QUEUE = KEY_PREFIX + "tool.high"
# A call that waited for the broker would take a second or more.
AT_ONCE_S = 0.9


def waiting(redis: Redis, queue: str = QUEUE) -> int:
    return int(redis.llen(queue))


def popped(redis: Redis) -> Any:
    return json.loads(str(redis.rpop(QUEUE), "utf-8"))  # type: ignore[arg-type] # bytes, one was asked for


def settled(nudge: Nudge, rings: int) -> PublisherHealth:
    def all_accounted() -> bool:
        health = nudge.health()
        return health.published + health.suppressed == rings

    until(all_accounted, "every ring was sent or left out")
    return nudge.health()


def test_rings_arrive_in_order_up_to_the_cap_and_high_ones_all(
    redis: Redis, redis_url: str
) -> None:
    nudge = Nudge(redis_url, cap=5)
    ordinary = [a_ring() for _ in range(20)]
    nudge.ring([*ordinary, *(a_ring(high=True) for _ in range(10))])
    health = settled(nudge, 30)
    nudge.close()
    assert waiting(redis) == 5
    assert waiting(redis, HIGH_QUEUE) == 10
    assert health.suppressed == 15
    assert popped(redis)["headers"]["root_id"] == ordinary[0].job_id.hex


def test_room_made_by_a_worker_is_seen(redis: Redis, redis_url: str) -> None:
    nudge = Nudge(redis_url, cap=2)
    nudge.ring([a_ring() for _ in range(3)])
    settled(nudge, 3)
    redis.delete(QUEUE)
    nudge.ring([a_ring()])
    assert settled(nudge, 4).suppressed == 1
    nudge.close()
    assert waiting(redis) == 1


def test_a_message_is_what_celery_itself_would_have_put_there(redis: Redis, redis_url: str) -> None:
    ring = a_ring()
    nudge = Nudge(redis_url)
    nudge.ring([ring])
    nudge.close()
    ours = popped(redis)
    _send_by_celery(make_app(redis_url), ours["headers"])
    theirs = popped(redis)
    for made in (ours, theirs):  # random, or only for answers, which nobody gives
        made["properties"]["delivery_tag"] = made["properties"]["reply_to"] = ""
        made["headers"]["origin"] = ""
        for told_twice in ("argsrepr", "kwargsrepr"):
            made["properties"].pop(told_twice, None)
    assert ours == theirs


def _send_by_celery(app: Celery, headers: dict[str, str]) -> None:
    app.send_task(
        "tool",
        args=["acme", headers["root_id"], 0],
        queue="tool",
        task_id=headers["id"],
        root_id=headers["root_id"],
        shadow=headers["shadow"],
        argsrepr=headers["argsrepr"],
        kwargsrepr="{}",
        ignore_result=True,
    )
    app.close()


def test_while_redis_is_down_nobody_waits_and_afterwards_the_rings_arrive(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path / "redis") as server:
        nudge = Nudge(server.url)
        nudge.ring([a_ring()])
        settled(nudge, 1)
        server.stop()
        begun = time.monotonic()
        nudge.ring([a_ring() for _ in range(10)])
        assert time.monotonic() - begun < AT_ONCE_S
        until(lambda: nudge.health().failures_in_a_row > 1, "it was refused")
        server.start()
        settled(nudge, 11)
        nudge.close()
        with Redis.from_url(server.url) as redis:
            assert waiting(redis) == 11


def test_a_hung_broker_holds_nobody_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        nudge = Nudge(f"redis://127.0.0.1:{deaf.getsockname()[1]}/0")
        begun = time.monotonic()
        nudge.ring([a_ring() for _ in range(100)])
        assert time.monotonic() - begun < AT_ONCE_S
        until(lambda: nudge.health().failures > 0, "it timed out")
        nudge.close()


@pytest.mark.slow
@pytest.mark.usefixtures("redis")
def test_flower_sees_the_job_the_parent_and_the_position(redis_url: str, tmp_path: Path) -> None:
    seen: dict[str, dict[str, object]] = {}
    app = make_app(redis_url)
    with app.connection_for_read() as connection:
        receiver = app.events.Receiver(
            connection, handlers={"*": lambda event: seen.setdefault(event["type"], event)}
        )
        listening = threading.Thread(target=_capture, args=(receiver,), daemon=True)
        listening.start()
        with worker(redis_url, tmp_path, pool="threads", concurrency=2):
            nudge = Nudge(redis_url)
            ring = a_ring(lane=Lane.EFFECT)
            nudge.ring([ring])
            until(lambda: "task-succeeded" in seen, "the task's events came")
            nudge.close()
        receiver.should_stop = True
        listening.join()
    app.close()
    received = seen["task-received"]
    assert received["root_id"] == ring.job_id.hex
    assert received["name"] == f"tool job_{ring.job_id.hex}#0"
    assert received["uuid"] == seen["task-succeeded"]["uuid"]


def _capture(receiver: object) -> None:
    for _ in receiver.itercapture(limit=None, timeout=None, wakeup=False):  # type: ignore[attr-defined] # Celery has no types
        pass
