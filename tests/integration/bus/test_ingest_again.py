"""A message that was taken, lost with its connection and delivered again is the same message."""

import json
from collections.abc import Iterator

import pytest
from redis import Redis

from agent_workers.domain.ids import TenantId
from agent_workers.embedded.redis import EmbeddedRedis
from agent_workers.transport.bus.ingest import Delivery, KombuSource, Place
from agent_workers.transport.doorbells.redis_bell import envelope
from agent_workers.transport.doorbells.ring import message_of
from tests.integration.bus.ingest_world import event, publish
from tests.integration.transport.bench import a_ring, until
from tests.support.database import tenant
from tests.support.rabbitmq_server import RabbitMQ

__all__ = ["tenant"]


@pytest.fixture
def source(url: str, tenant: TenantId) -> Iterator[KombuSource]:
    place = Place(queue=tenant, exchange=f"{tenant}-exchange")
    opened = KombuSource(url, place, prefetch=10)
    opened.open()
    yield opened
    opened.close()


@pytest.fixture
def url(request: pytest.FixtureRequest) -> str:
    server: RabbitMQ | EmbeddedRedis = request.getfixturevalue(request.param)
    return server.url


@pytest.mark.parametrize(
    "url",
    [pytest.param("rabbitmq", marks=pytest.mark.rabbitmq), "redis_server"],
    indirect=True,
)
def test_a_message_that_comes_again_is_the_same(
    source: KombuSource, url: str, tenant: TenantId
) -> None:
    publish(url, tenant, [json.dumps(event(1)).encode()])
    [first] = taken(source)
    source.open()  # whoever connects anew has acknowledged nothing
    [again] = taken(source)
    source.acknowledge([again])
    assert again.message == first.message


def taken(source: KombuSource) -> list[Delivery]:
    return source.receive(most=10, within_s=30.0)


@pytest.mark.parametrize("url", ["redis_server"], indirect=True)
def test_strays_in_a_list_of_redis_end_no_ingest(source: KombuSource, url: str, tenant: TenantId):
    one = json.loads(envelope(message_of(a_ring(), origin="")))
    with Redis.from_url(url) as redis:
        redis.lpush(tenant, b"\xff", "no JSON", "[]", "{}", json.dumps(one | {"headers": [1]}))
        redis.lpush(tenant, json.dumps(one))
    taken: list[Delivery] = []

    def has_arrived() -> bool:
        taken.extend(source.receive(most=10, within_s=0.5))
        return bool(taken)

    until(has_arrived, "the event behind the strays is there")
    assert len(taken) == 1
