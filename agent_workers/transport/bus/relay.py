"""Publishes journal entries to an exchange outside, in order, each one confirmed."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime

from kombu.connection import Connection
from kombu.entity import Exchange, Queue
from kombu.messaging import Producer

from agent_workers.domain.ids import to_wire
from agent_workers.domain.running.journal_tail import Entry
from agent_workers.transport.brokers.profiles import CONNECT_TIMEOUT_S, Broker, broker_of
from agent_workers.transport.brokers.tls import tls_of
from agent_workers.transport.bus.ingest import HEARTBEAT_S, Place, lost_is_said, options_of

_PATIENCE_S = 15.0


class NotConfirmed(OSError):
    """The broker refused a message, or did not confirm it in time."""


class KombuExchange:
    """One connection and one channel, which keeps the order; after SourceLost it is opened anew."""

    def __init__(self, url: str, place: Place) -> None:
        self._url = url
        self._broker = broker_of(url)
        self._place = place
        self._connection: Connection | None = None
        self._producer: Producer | None = None
        self._published = 0
        self._unconfirmed: set[int] = set()
        self._refused = False

    def open(self) -> None:
        """Connect, and declare the exchange, and the queue where one is named."""
        self.close()
        self._connection = connection = Connection(
            self._url,
            ssl=tls_of(self._url),
            heartbeat=HEARTBEAT_S if self._broker is Broker.RABBITMQ else 0,
            connect_timeout=CONNECT_TIMEOUT_S,
            transport_options=options_of(self._broker),
        )
        with lost_is_said(connection):
            connection.connect()
            exchange = Exchange(self._place.exchange, type=self._place.exchange_type, durable=True)
            exchange(connection).declare()
            if self._place.queue:
                self._declare_queue(exchange, connection)
            self._producer = Producer(connection, exchange, auto_declare=False)
            if self._broker is Broker.RABBITMQ:
                self._expect_confirmations(self._producer)

    def publish(self, entries: Sequence[Entry]) -> None:
        """Publish all of these; when it returns, the broker has every one of them."""
        connection, producer = self._connection, self._producer
        assert connection is not None  # `open` came before
        assert producer is not None
        with lost_is_said(connection):
            for entry in entries:
                self._published += 1  # the number that the broker counts it by
                self._unconfirmed.add(self._published)
                producer.publish(
                    body(entry),
                    routing_key=routing_key(entry),
                    content_type=CONTENT_TYPE,
                    content_encoding="utf-8",
                    delivery_mode=2,
                    message_id=f"{entry.job_id.hex}.{entry.number}",
                )
            self._wait_until_confirmed(connection)

    def beat(self) -> None:
        """Show the broker that we live; to be called every few seconds."""
        if self._broker is Broker.RABBITMQ and self._connection is not None:
            with lost_is_said(self._connection):
                self._connection.heartbeat_check()

    def close(self) -> None:
        connection, self._connection, self._producer = self._connection, None, None
        if connection is None:
            return
        try:
            connection.release()
        except (*connection.connection_errors, *connection.channel_errors, OSError):
            pass  # it is gone either way

    def _declare_queue(self, exchange: Exchange, connection: Connection) -> None:
        """Keep what is published before anybody has bound a queue of their own."""
        quorum = {"x-queue-type": "quorum"} if self._broker is Broker.RABBITMQ else None
        key = self._place.routing_key
        queue = Queue(self._place.queue, exchange, routing_key=key, queue_arguments=quorum)
        queue(connection).declare()

    def _expect_confirmations(self, producer: Producer) -> None:
        """Let the broker confirm while we go on publishing: waiting for each costs a write to disk each."""
        self._published, self._unconfirmed, self._refused = 0, set(), False
        channel = producer.channel
        channel.confirm_select()

        def is_confirmed(tag: int, multiple: bool) -> None:  # noqa: FBT001 (amqp calls it so)
            if multiple:
                self._unconfirmed = {one for one in self._unconfirmed if one > tag}
            self._unconfirmed.discard(tag)

        def is_refused(*_: object) -> None:
            self._refused = True

        channel.events["basic_ack"].add(is_confirmed)
        channel.events["basic_nack"].add(is_refused)

    def _wait_until_confirmed(self, connection: Connection) -> None:
        if self._broker is not Broker.RABBITMQ:
            self._unconfirmed.clear()  # Redis has answered each command
            return
        while self._unconfirmed and not self._refused:
            connection.drain_events(timeout=_PATIENCE_S)
        if self._refused:
            raise NotConfirmed("the broker refused a message")


CONTENT_TYPE = "application/cloudevents+json"


def routing_key(entry: Entry) -> str:
    return f"job.{entry.type}"


def body(entry: Entry) -> bytes:
    """Write the event; its id is the same each time, so that a reader can drop doubles."""
    job = to_wire(entry.job_id)
    head = {
        "specversion": "1.0",
        "id": f"{job}.{entry.number}",
        "source": f"/v1/jobs/{job}",
        "type": f"job.{entry.type}",
        "subject": job,
        "time": _rfc3339(entry.at),
        "datacontenttype": "application/json",
        "tenantid": entry.tenant_id,
        "sequence": f"{entry.number:010d}",
    }
    data = entry.data.decode("utf-8").strip() or "{}"
    return f'{json.dumps(head)[:-1]},"data":{data}}}'.encode()


def _rfc3339(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
