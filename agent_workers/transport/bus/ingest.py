"""Messages of a queue outside, through kombu: received together, acknowledged by whoever stored them."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import structlog
from kombu.connection import Connection
from kombu.entity import Exchange, Queue
from kombu.exceptions import OperationalError
from kombu.message import Message as Raw
from kombu.messaging import Consumer

from agent_workers.domain.errors import AgentWorkersError
from agent_workers.domain.triggers.message import Message
from agent_workers.transport.brokers.guarding import guard
from agent_workers.transport.brokers.profiles import (
    CONNECT_TIMEOUT_S,
    SOCKET_TIMEOUT_S,
    Broker,
    broker_of,
)
from agent_workers.transport.brokers.tls import tls_of

log = structlog.get_logger(__name__)

HEARTBEAT_S = 30
# On Redis: what a consumer took and never acknowledged comes back after so long.
BACK_AFTER_S = 60
_GATHER_S, _NEXT_S = 0.1, 0.01
# What a broker writes on a message that it delivers again: it must stay the same message to us.
_OF_THE_DELIVERY = frozenset({"x-delivery-count", "x-acquired-count", "redelivered"})


class SourceLost(AgentWorkersError):
    """The broker cannot be reached, or has let go of us; what was not acknowledged comes again."""

    retryable = True
    code = "source_lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A queue, which is ours to declare and bind where an exchange is named."""

    queue: str
    exchange: str = ""
    exchange_type: str = "topic"
    routing_key: str = "#"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    message: Message
    raw: Raw


class KombuSource:
    """One connection and one consumer; after SourceLost it is opened anew."""

    def __init__(self, url: str, place: Place, *, prefetch: int) -> None:
        self._url = url
        self._broker = broker_of(url)
        self._place = place
        self._prefetch = prefetch
        self._waiting: list[Delivery] = []
        self._connection: Connection | None = None

    def open(self) -> None:
        """Connect and begin to consume."""
        self.close()
        self._connection = connection = Connection(
            self._url,
            ssl=tls_of(self._url),
            heartbeat=HEARTBEAT_S if self._broker is Broker.RABBITMQ else 0,
            connect_timeout=CONNECT_TIMEOUT_S,
            transport_options=options_of(self._broker),
        )
        with lost_is_said(connection):
            connection.connect()  # or else the first channel would, a hundred times
            consumer = Consumer(
                connection,
                [self._declared(connection)],
                on_message=self._arrived,
                no_ack=False,
                auto_declare=False,
            )
            guard(consumer.channel, _passed_over)
            consumer.qos(prefetch_count=self._prefetch)
            consumer.consume()

    def receive(self, *, most: int, within_s: float) -> list[Delivery]:
        """Wait for a message, and take with it what follows at once."""
        end = time.monotonic() + within_s
        wait_s, is_first = within_s, True
        with lost_is_said(self._open) as connection:
            while len(self._waiting) < most and time.monotonic() < end:
                try:
                    connection.drain_events(timeout=wait_s)
                except TimeoutError:
                    break
                if is_first:  # what follows closely is stored with it
                    end, wait_s, is_first = time.monotonic() + _GATHER_S, _NEXT_S, False
        self.beat()
        taken, self._waiting = self._waiting[:most], self._waiting[most:]
        return taken

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        with lost_is_said(self._open):
            for delivery in deliveries:
                delivery.raw.ack()

    def beat(self) -> None:
        """Show the broker that we live; to be called every few seconds, whatever we wait for."""
        if self._broker is Broker.RABBITMQ:
            with lost_is_said(self._open) as connection:
                connection.heartbeat_check()

    def close(self) -> None:
        """Let go: what was not acknowledged goes back."""
        connection, self._connection, self._waiting = self._connection, None, []
        if connection is None:
            return
        try:
            connection.release()
        except (*connection.connection_errors, *connection.channel_errors, OSError):
            pass  # it is gone either way

    @property
    def _open(self) -> Connection:
        if self._connection is None:
            raise SourceLost("not connected")
        return self._connection

    def _declared(self, connection: Connection) -> Queue:
        place = self._place
        if not place.exchange:
            # Somebody else's queue: it must be there already, whatever its arguments are.
            queue = Queue(place.queue, no_declare=True)(connection)
            queue.queue_declare(passive=self._broker is Broker.RABBITMQ)
            return queue
        quorum = {"x-queue-type": "quorum"} if self._broker is Broker.RABBITMQ else None
        exchange = Exchange(place.exchange, type=place.exchange_type, durable=True)
        queue = Queue(place.queue, exchange, routing_key=place.routing_key, queue_arguments=quorum)(
            connection
        )
        queue.declare()
        return queue

    def _arrived(self, raw: Raw) -> None:
        self._waiting.append(Delivery(message=message_of(raw), raw=raw))


def _passed_over(why: str) -> None:
    log.warning("message_passed_over", why=why)


def message_of(raw: Raw) -> Message:
    """Return what was sent, however often it arrives; header values are what their text says."""
    body = raw.body.encode("utf-8", "surrogatepass") if isinstance(raw.body, str) else raw.body
    return Message(
        content_type=str(raw.content_type or ""),
        body=bytes(body or b""),
        headers={str(name): _text(value) for name, value in _headers(raw).items()},
    )


def _headers(raw: Raw) -> Mapping[object, object]:
    headers: Mapping[object, object] = raw.headers or {}
    return {name: value for name, value in headers.items() if name not in _OF_THE_DELIVERY}


def _text(value: object) -> str:
    match value:
        case bytes():
            return value.decode("utf-8", "replace")
        case bool():
            return str(value).lower()
        case datetime():
            return value.isoformat() + ("" if value.tzinfo else "Z")
        case _:
            return str(value)


@contextmanager
def lost_is_said(connection: Connection) -> Iterator[Connection]:
    try:
        yield connection
    except (
        *connection.connection_errors,
        *connection.channel_errors,
        OperationalError,
        OSError,
    ) as error:
        raise SourceLost(str(error) or repr(error)) from error


def options_of(broker: Broker) -> dict[str, object]:
    match broker:
        case Broker.RABBITMQ:
            return {"connect_timeout": CONNECT_TIMEOUT_S}
        case Broker.REDIS:
            return {
                "visibility_timeout": BACK_AFTER_S,
                "socket_timeout": SOCKET_TIMEOUT_S,
                "socket_connect_timeout": CONNECT_TIMEOUT_S,
                "socket_keepalive": True,
                "priority_steps": [0],
            }
