"""Rings through Redis: the messages of kombu's Redis transport, a whole batch in one LPUSH per queue."""

import base64
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import structlog
from redis import Redis
from redis.backoff import NoBackoff
from redis.client import Pipeline
from redis.retry import Retry

from agent_workers.domain.step import Lane
from agent_workers.transport.brokers.lanes import queue_of
from agent_workers.transport.brokers.profiles import KEY_PREFIX, PUBLISH_TIMEOUT_S
from agent_workers.transport.doorbells.publisher import Carried
from agent_workers.transport.doorbells.ring import Message, Ring, message_of, origin_of_this_process
from agent_workers.transport.doorbells.room import Room

log = structlog.get_logger(__name__)


class RedisBell:
    """Writes what kombu would write, because kombu and Celery take ten times the CPU for it."""

    def __init__(self, redis_url: str, *, cap: int) -> None:
        self._redis = connected(redis_url)
        self._room = Room(cap=cap)
        self._origin = origin_of_this_process()

    def carry(self, batch: Sequence[Ring]) -> Carried:
        self._look(self._room.lanes_to_look_at(batch))
        admitted = self._room.admit(batch)
        envelopes: defaultdict[str, list[str]] = defaultdict(list)
        for ring in admitted:
            envelopes[KEY_PREFIX + ring.queue].append(
                envelope(message_of(ring, origin=self._origin))
            )
        if envelopes:
            with self._redis.pipeline(transaction=False) as pipe:
                for key, waiting in envelopes.items():
                    pipe.lpush(key, *waiting)
                executed(pipe)
        return Carried(published=len(admitted), suppressed=len(batch) - len(admitted))

    def close(self) -> None:
        self._redis.close()

    def _look(self, lanes: Iterable[Lane]) -> None:
        asked = list(lanes)
        if not asked:
            return
        with self._redis.pipeline(transaction=False) as pipe:
            for lane in asked:
                pipe.llen(KEY_PREFIX + queue_of(lane, high=False))
            depths = [0 if depth is None else depth for depth in executed(pipe)]
            self._room.note(dict(zip(asked, depths, strict=True)))


def connected(redis_url: str) -> Redis:
    """Return a client that gives up after a second and leaves trying again to its caller."""
    return Redis.from_url(
        client_url(redis_url),
        socket_timeout=PUBLISH_TIMEOUT_S,
        socket_connect_timeout=PUBLISH_TIMEOUT_S,
        socket_keepalive=True,
        health_check_interval=10,
        retry=Retry(NoBackoff(), 0),
    )


# Any: what redis-py makes of replies.
def executed(pipe: Pipeline) -> list[Any]:
    """Run what waits; what one key of another type refuses is None, and holds up no other key."""
    replies = pipe.execute(raise_on_error=False)
    for reply in replies:
        if isinstance(reply, Exception) and not str(reply).startswith("WRONGTYPE"):
            raise reply
    if any(isinstance(reply, Exception) for reply in replies):
        log.warning("not_our_type_in_redis")
    return [None if isinstance(reply, Exception) else reply for reply in replies]


def client_url(broker_url: str) -> str:
    """Return the URL as redis-py writes it; only the scheme of a Unix socket differs."""
    return broker_url.replace("redis+socket://", "unix://", 1)


def envelope(message: Message) -> str:
    body = json.dumps(message.body).encode()
    return json.dumps(
        {
            "body": base64.b64encode(body).decode(),
            "content-encoding": "utf-8",
            "content-type": "application/json",
            "headers": message.headers,
            "properties": {
                "correlation_id": message.task_id,
                "reply_to": "",
                "delivery_mode": 2,
                "delivery_info": {"exchange": "", "routing_key": message.queue},
                "priority": 0,
                "body_encoding": "base64",
                "delivery_tag": message.task_id,
            },
        }
    )
