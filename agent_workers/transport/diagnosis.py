"""What an operator asks of the broker: does it answer, and is it set so that it forgets nothing."""

from contextlib import closing
from dataclasses import dataclass

import structlog
from kombu.connection import Connection
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from agent_workers.domain.text.addresses import shown_address
from agent_workers.transport.brokers.profiles import CONNECT_TIMEOUT_S, Broker, broker_of
from agent_workers.transport.brokers.tls import tls_of
from agent_workers.transport.doorbells.redis_bell import connected

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerSeen:
    """A broker as it answered; the settings are empty where they do not apply or are hidden."""

    kind: Broker
    version: str
    eviction: str = ""
    appendonly: str = ""


class BrokerSilent(Exception):
    """The broker cannot be reached."""


def look_at(broker_url: str) -> BrokerSeen:
    match broker_of(broker_url):
        case Broker.REDIS:
            return _redis(broker_url)
        case Broker.RABBITMQ:
            return _rabbitmq(broker_url)


def say_if_away(broker_url: str) -> None:
    """Say it once, loudly, when a program starts without its broker; it goes on all the same."""
    try:
        look_at(broker_url)
    except BrokerSilent as error:
        log.warning(
            "broker_away",
            address=shown_address(broker_url),
            why=str(error),
            means="jobs wait until it is back; start it, or see `agent-workers doctor`",
        )


def _redis(url: str) -> BrokerSeen:
    try:
        with closing(connected(url)) as client:
            about = client.info("server")
            version = str(about.get("valkey_version") or about.get("redis_version"))
            # Not by CONFIG, which neither our own user nor a hosted Redis allows.
            policy = str(client.info("memory").get("maxmemory_policy", ""))
            appends = client.info("persistence").get("aof_enabled")
    except (RedisError, OSError) as error:
        raise BrokerSilent(str(error)) from error
    return BrokerSeen(
        kind=Broker.REDIS,
        version=version,
        eviction=policy,
        appendonly={"0": "no", "1": "yes"}.get(str(appends), ""),
    )


def _rabbitmq(url: str) -> BrokerSeen:
    connection = Connection(url, ssl=tls_of(url), connect_timeout=CONNECT_TIMEOUT_S)
    try:
        with connection:
            connection.connect()
            told = getattr(connection.connection, "server_properties", {})
    except (OSError, OperationalError) as error:
        raise BrokerSilent(str(error)) from error
    return BrokerSeen(kind=Broker.RABBITMQ, version=str(told.get("version", "")))
