"""TLS to a broker: kombu by itself checks neither certificates of Redis nor names of RabbitMQ."""

from typing import Final
from urllib.parse import parse_qsl, urlsplit

# As redis-py takes them in a URL; kombu passes them over.
_OPTIONS: Final = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_cert_reqs")


def tls_of(broker_url: str) -> dict[str, object] | bool:
    """Say what kombu is to check: all, unless the URL of a Redis says otherwise; False without TLS."""
    parts = urlsplit(broker_url)
    match parts.scheme:
        case "rediss":
            asked = {name: value for name, value in parse_qsl(parts.query) if name in _OPTIONS}
            return {"ssl_cert_reqs": "required", **asked}
        case "amqps":
            # None: the one that is connected to.
            return {"server_hostname": None}
        case _:
            return False
