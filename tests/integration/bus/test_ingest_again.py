"""A message that was taken, lost with its connection and delivered again is the same message."""

import json
from collections.abc import Iterator

import pytest

from agent_workers.domain.ids import TenantId
from agent_workers.embedded.redis import EmbeddedRedis
from agent_workers.transport.ingest import Delivery, KombuSource, Place
from tests.database import tenant
from tests.integration.ingest_world import event, publish
from tests.integration.rabbitmq_server import RabbitMQ

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
