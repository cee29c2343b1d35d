"""The RabbitMQ profile on a real node: quorum queues, confirms, and a worker that outlives it."""

import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from kombu.connection import Connection

from agent_workers.transport.doorbells.nudge import Nudge
from agent_workers.transport.doorbells.ring import message_of
from tests.integration.transport.bench import a_ring, until, worker
from tests.integration.transport.forging import forged, passed_over
from tests.support.rabbitmq_server import RabbitMQ

pytestmark = [pytest.mark.rabbitmq, pytest.mark.slow]

SLOTS = 8
WAVES = 20
TASK_MS = 50


@pytest.fixture(scope="module")
def rabbitmq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQ]:
    with RabbitMQ(tmp_path_factory.mktemp("rabbitmq")) as node:
        yield node


def test_rings_are_kept_until_a_worker_comes_up_to_the_cap(
    rabbitmq: RabbitMQ, tmp_path: Path
) -> None:
    nudge = Nudge(rabbitmq.url, cap=5)
    ordinary = [a_ring() for _ in range(20)]
    high = [a_ring(high=True) for _ in range(7)]
    nudge.ring([*ordinary, *high])
    until(lambda: nudge.health().published + nudge.health().suppressed == 27, "all were sent")
    assert nudge.health().published == 12
    with worker(rabbitmq.url, tmp_path, pool="threads", concurrency=2) as running:
        until(lambda: running.has("ended", *ordinary[:5], *high), "they arrived")
        assert len(running.times("ended")) == 12
    nudge.close()


def test_strays_in_rabbitmq_end_no_worker_and_forged_headers_do_nothing(
    rabbitmq: RabbitMQ, tmp_path: Path
) -> None:
    ring, other, last = a_ring(sleep_ms=200), a_ring(), a_ring()
    with (
        worker(rabbitmq.url, tmp_path, pool="threads", concurrency=1) as running,
        Connection(rabbitmq.url) as connection,
        connection.Producer(serializer="json", auto_declare=False) as producer,
    ):
        bomb = zlib.compress(b"0" * 1_000_000)
        for body, headers in (
            (b"\xff", None),
            (b"[]", {"task": "tool", "id": "x"}),
            (b"7", {"task": 7}),
            (bomb, {"task": "tool", "id": "x", "compression": "zlib"}),
        ):
            producer.publish(
                body, routing_key="tool", headers=headers, content_type="application/x-python"
            )
        for nudge in (forged(ring, other), message_of(last, origin="")):
            producer.publish(nudge.body, routing_key="tool", headers=nudge.headers)
        until(lambda: running.has("ended", ring, last), "both were answered")
        assert not running.has("started", other)
        passed_over(running, 4)


@pytest.mark.parametrize("pool", ["threads", "prefork"])
def test_a_worker_outlives_the_node_and_wastes_no_slot(
    rabbitmq: RabbitMQ, tmp_path: Path, pool: str
) -> None:
    nudge = Nudge(rabbitmq.url, cap=10_000)
    with worker(rabbitmq.url, tmp_path, pool=pool, concurrency=SLOTS) as running:
        before = [a_ring(sleep_ms=1500) for _ in range(SLOTS + 2)]
        nudge.ring(before)
        until(lambda: len(running.times("started")) == SLOTS, "the slots are taken")
        rabbitmq.kill()
        rabbitmq.start()
        until(lambda: running.has("ended", *before), "what was reserved is done too")
        waves = [a_ring(sleep_ms=TASK_MS) for _ in range(SLOTS * WAVES)]
        nudge.ring(waves)
        until(lambda: running.has("ended", *waves), "all waves are over")
        started = [running.times("started")[ring.job_id.hex] for ring in waves]
        took = max(running.times("ended").values()) - min(started)
        assert running.is_alive
    nudge.close()
    assert took < 8  # 1.0 s when no slot waits, about 18 s when each wave does
