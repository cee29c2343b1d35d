"""A Redis behind TLS: whoever is not the one that its certificate names gets no password of ours."""

from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from kombu.connection import Connection
from kombu.exceptions import OperationalError
from redis.exceptions import ConnectionError as RedisGone

from agent_workers.embedded.redis import EmbeddedRedis
from agent_workers.transport.brokers.tls import tls_of
from agent_workers.transport.celery_app.app import make_app
from agent_workers.transport.doorbells.redis_bell import connected
from tests.support.certificates import certificate
from tests.support.tls_wire import tls_in_front_of


def by_our_own(url: str) -> None:
    connected(url).ping()


def by_celery(url: str) -> None:
    app = make_app(url)
    with app.connection_for_read(connect_timeout=2) as connection:
        connection.ensure_connection(max_retries=1, interval_start=0, timeout=2)
        connection.default_channel.client.ping()


@pytest.fixture
def made(tmp_path: Path) -> Path:
    return certificate(tmp_path, "localhost")


@pytest.fixture
def behind_tls(redis_server: EmbeddedRedis, made: Path) -> Iterator[str]:
    """The URL, with the host left open."""
    with tls_in_front_of(redis_server.port, made) as port:
        yield redis_server.url.replace("redis://", "rediss://").replace(
            f"127.0.0.1:{redis_server.port}", f"{{host}}:{port}"
        )


@pytest.mark.parametrize("ping", [by_our_own, by_celery])
def test_redis_behind_tls_is_reached_by_the_name_on_a_certificate_that_is_trusted(
    behind_tls: str, made: Path, ping: Callable[[str], None]
) -> None:
    trusted = behind_tls + f"?ssl_ca_certs={made}"
    ping(trusted.format(host="localhost"))
    with pytest.raises((RedisGone, OperationalError), match="self-signed"):
        ping(behind_tls.format(host="localhost"))
    with pytest.raises((RedisGone, OperationalError), match="certificate is not valid for"):
        ping(trusted.format(host="127.0.0.1"))


def test_rabbitmq_behind_tls_has_to_be_the_one_that_its_certificate_names(
    behind_tls: str, made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(made))
    url = f"amqps://127.0.0.1:{urlsplit(behind_tls.format(host='x')).port}//"
    with pytest.raises(OSError, match="certificate is not valid for"):
        Connection(url, ssl=tls_of(url), connect_timeout=2).connect()


@pytest.mark.parametrize("url", ["redis://a", "amqp://a", "redis+socket:///a"])
def test_without_tls_nothing_is_checked(url: str) -> None:
    assert tls_of(url) is False
