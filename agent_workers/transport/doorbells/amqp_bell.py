"""Rings through RabbitMQ: one connection kept open, every message confirmed."""

from collections.abc import Iterable, Sequence

from kombu.connection import Connection
from kombu.messaging import Producer

from agent_workers.domain.step import Lane
from agent_workers.transport.brokers.lanes import ALL_LANES, queue_of
from agent_workers.transport.brokers.profiles import (
    PUBLISH_TIMEOUT_S,
    Broker,
    declared,
    transport_options,
)
from agent_workers.transport.brokers.tls import tls_of
from agent_workers.transport.doorbells.publisher import Carried
from agent_workers.transport.doorbells.ring import Ring, message_of, origin_of_this_process
from agent_workers.transport.doorbells.room import Room


class AmqpBell:
    """Declares the queues first: RabbitMQ confirms, and drops, what no queue takes."""

    def __init__(self, broker_url: str, *, cap: int) -> None:
        self._connection = Connection(
            broker_url,
            ssl=tls_of(broker_url),
            connect_timeout=PUBLISH_TIMEOUT_S,
            heartbeat=0,
            transport_options=transport_options(Broker.RABBITMQ)
            | {
                "connect_timeout": PUBLISH_TIMEOUT_S,
                "read_timeout": PUBLISH_TIMEOUT_S,
                "write_timeout": PUBLISH_TIMEOUT_S,
            },
        )
        self._channel = self._connection.channel()
        self._producer = Producer(self._channel, serializer="json", auto_declare=False)
        self._room = Room(cap=cap)
        self._origin = origin_of_this_process()
        for lane in ALL_LANES:
            for high in (True, False):
                declared(queue_of(lane, high=high), Broker.RABBITMQ)(self._channel).declare()

    def carry(self, batch: Sequence[Ring]) -> Carried:
        self._room.note(self._depths(self._room.lanes_to_look_at(batch)))
        admitted = self._room.admit(batch)
        for ring in admitted:
            self._publish(ring)
        return Carried(published=len(admitted), suppressed=len(batch) - len(admitted))

    def close(self) -> None:
        self._connection.release()

    def _publish(self, ring: Ring) -> None:
        message = message_of(ring, origin=self._origin)
        self._producer.publish(
            message.body,
            exchange="",
            routing_key=message.queue,
            headers=message.headers,
            delivery_mode=2,
            correlation_id=message.task_id,
            reply_to="",
            confirm_timeout=PUBLISH_TIMEOUT_S,
        )

    def _depths(self, lanes: Iterable[Lane]) -> dict[Lane, int]:
        return {
            lane: self._channel.queue_declare(
                queue_of(lane, high=False), passive=True
            ).message_count
            for lane in lanes
        }
