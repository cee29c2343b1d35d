"""`agent-workers ingest` on real brokers: killed in the middle, nothing is lost and nothing twice."""

import json
from random import Random
from typing import Any
from urllib.parse import urlsplit

import pytest
from kombu.connection import Connection
from kombu.entity import Queue
from redis import Redis

from agent_workers.domain.ids import TenantId
from agent_workers.domain.triggers.message import ONE
from agent_workers.embedded.redis import EmbeddedRedis
from agent_workers.state.triggers.dead_letters import Letters
from tests.integration.bus.ingest_world import event, jobs, publish
from tests.support.half_open import half_open_wire
from tests.support.rabbitmq_server import RabbitMQ
from tests.support.worker_system import Program, System, until

pytestmark = [pytest.mark.slow]
EVENTS = 1_000


def ingest(running: System, url: str, tenant: TenantId, name: str, *options: str) -> Program:
    return running.start(
        name,
        *(
            "agent_workers.worker.programs.ingest_main",
            "--queue",
            tenant,
            "--tenant",
            tenant,
            *options,
        ),
        variables={"AGENT_INGEST_URL": url},
    )


@pytest.mark.usefixtures("started")
def test_a_stream_in_redis_is_consumed_by_a_group_that_was_killed(
    running: System, redis_server: EmbeddedRedis, tenant: TenantId
) -> None:
    with Redis.from_url(redis_server.url) as redis:
        for number in range(500):
            redis.xadd(tenant, {"body": json.dumps(event(number)), "content-type": ONE})
        headers = {"ce-specversion": "1.0", "ce-id": "b", "ce-source": "/s", "ce-type": "order.b"}
        redis.xadd(tenant, {**headers, "content-type": "text/plain", "body": "hello"})
        redis.xadd(tenant, {"anything": "{"})
        redis.xgroup_create(tenant, "agent-workers", id="0")
        taken = redis.xreadgroup("agent-workers", "dead", {tenant: ">"}, count=100)
        assert taken
        # Somebody took these an hour ago, and has died.
        redis.xclaim(tenant, "agent-workers", "dead", 0, ids(redis, tenant), idle=3_600_000)
        options = ("--stream", tenant, "--tenant", tenant)
        variables = {"AGENT_INGEST_URL": redis_server.url}
        program = running.start(
            "ingest", "agent_workers.worker.programs.ingest_main", *options, variables=variables
        )
        until(lambda: jobs(running.database, tenant) == 501, "all have come")
        until(lambda: not ids(redis, tenant), "all are acknowledged")
        assert program.end() == 0
    [letter] = Letters(running.database).page(tenant)  # its entry was acknowledged
    assert letter.size == len(b"{")


# Any: redis-py says so.
def ids(redis: Any, stream: str) -> list[bytes]:
    pending = redis.xpending_range(stream, "agent-workers", min="-", max="+", count=1_000)
    return [one["message_id"] for one in pending]


def declare(url: str, queue: str) -> None:
    with Connection(url) as connection:
        Queue(queue, durable=True)(connection).queue_declare()


def is_empty(url: str, queue: str) -> bool:
    with Connection(url) as connection:
        # On Redis a queue that is empty is not there.
        found = Queue(queue)(connection).queue_declare(passive=url.startswith("amqp"))
        return bool(found.message_count == 0)


@pytest.mark.rabbitmq
@pytest.mark.usefixtures("started")
def test_a_thousand_events_three_times_each_through_killed_consumers_are_a_thousand_jobs(
    running: System, rabbitmq: RabbitMQ, tenant: TenantId
) -> None:
    declare(rabbitmq.url, tenant)
    bodies = [json.dumps(event(number)).encode() for number in range(EVENTS)]
    deliveries = bodies * 3
    Random(7).shuffle(deliveries)
    publish(rabbitmq.url, tenant, deliveries)
    for number in range(2):
        before = jobs(running.database, tenant)
        dying = ingest(running, rabbitmq.url, tenant, f"dying-{number}")
        until(lambda: jobs(running.database, tenant) > before, dying.output())  # noqa: B023
        dying.kill()
    assert not is_empty(rabbitmq.url, tenant)
    last = [ingest(running, rabbitmq.url, tenant, f"last-{number}") for number in range(2)]
    until(lambda: all("ingest_consuming" in one.output() for one in last), "both consume")
    until(lambda: is_empty(rabbitmq.url, tenant), "all are taken")
    until(lambda: jobs(running.database, tenant) == EVENTS, "all are stored")
    assert [one.end() for one in last] == [0, 0]
    assert is_empty(rabbitmq.url, tenant)
    assert jobs(running.database, tenant) == EVENTS


@pytest.mark.rabbitmq
@pytest.mark.usefixtures("started")
def test_a_lost_connection_is_made_anew_and_poison_is_kept(
    running: System, rabbitmq: RabbitMQ, tenant: TenantId
) -> None:
    """The queue is the consumer's own here: bound to an exchange of somebody else's."""
    there = urlsplit(rabbitmq.url)
    assert there.port is not None
    with half_open_wire(there.port) as wire:
        url = rabbitmq.url.replace(str(there.port), str(wire.port))
        program = ingest(running, url, tenant, "ingest", "--exchange", "amq.topic")
        until(lambda: program.output().count("ingest_consuming") == 1, "it consumes")
        publish(rabbitmq.url, tenant, [json.dumps(event(1)).encode(), b"{"])
        until(lambda: jobs(running.database, tenant) == 1, "the first has come")
        wire.snap()
        publish(rabbitmq.url, tenant, [json.dumps(event(2)).encode()])
        until(lambda: jobs(running.database, tenant) == 2, "the second has come")
        until(lambda: program.output().count("ingest_consuming") == 2, "it consumes again")
        letters = Letters(running.database)
        until(lambda: letters.page(tenant), "the poison is kept")
        [letter] = letters.page(tenant)
        assert letter.size == len(b"{")
        assert program.end() == 0


@pytest.mark.usefixtures("started")
def test_a_list_in_redis_is_consumed_as_well(
    running: System, redis_server: EmbeddedRedis, tenant: TenantId
) -> None:
    declare(redis_server.url, tenant)
    publish(redis_server.url, tenant, [json.dumps(event(number)).encode() for number in range(20)])
    program = ingest(running, redis_server.url, tenant, "ingest")
    until(lambda: jobs(running.database, tenant) == 20, program.output())
    assert program.end() == 0
    assert is_empty(redis_server.url, tenant)
