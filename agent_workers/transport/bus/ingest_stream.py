"""Entries of a Redis stream, read by a consumer group: acknowledged by whoever stored them."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from redis import Redis
from redis.exceptions import RedisError, ResponseError

from agent_workers.domain.triggers.message import ONE, Message
from agent_workers.transport.bus.ingest import BACK_AFTER_S, SourceLost
from agent_workers.transport.doorbells.redis_bell import connected

# How often entries are looked for that a dead consumer has taken.
_LOOK_EVERY_S = 10.0
_BODY, _TYPE = "body", "content-type"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    message: Message
    entry_id: bytes


class StreamSource:
    """One consumer of a group; after SourceLost it is opened anew."""

    def __init__(self, url: str, *, stream: str, group: str) -> None:
        self._url = url
        self._stream = stream
        self._group = group
        self._consumer = uuid4().hex
        self._redis: Redis | None = None
        self._looked_at = 0.0

    def open(self) -> None:
        """Connect, and make the group where it is new: it begins with the first entry."""
        self.close()
        self._redis = connected(self._url)
        with self._open() as redis:
            try:
                redis.xgroup_create(self._stream, self._group, id="0", mkstream=True)
            except ResponseError as error:
                if not str(error).startswith("BUSYGROUP"):
                    raise
        self._looked_at = 0.0

    def receive(self, *, most: int, within_s: float) -> list[Entry]:
        """Take what a dead consumer left behind, else wait for what is new."""
        with self._open() as redis:
            left = self._left_behind(redis, most)
            if left:
                return left
            found = redis.xreadgroup(
                self._group,
                self._consumer,
                {self._stream: ">"},
                count=most,
                block=max(1, round(within_s * 1000)),
            )
        return _entries(_of_one_stream(found))

    def acknowledge(self, deliveries: Sequence[Entry]) -> None:
        with self._open() as redis:
            redis.xack(self._stream, self._group, *(one.entry_id for one in deliveries))

    def beat(self) -> None:
        """Redis expects nothing of us while we wait."""

    def close(self) -> None:
        redis, self._redis = self._redis, None
        if redis is not None:
            redis.close()

    def _left_behind(self, redis: Redis, most: int) -> list[Entry]:
        if time.monotonic() - self._looked_at < _LOOK_EVERY_S:
            return []
        idle_ms = BACK_AFTER_S * 1000
        # The start of what to look at next, the entries, and those that were deleted meanwhile.
        claimed = redis.xautoclaim(
            self._stream, self._group, self._consumer, min_idle_time=idle_ms, count=most
        )
        entries = _entries(claimed[1])
        if not entries:
            self._looked_at = time.monotonic()
        return entries

    @contextmanager
    def _open(self) -> Iterator[Redis]:
        if self._redis is None:
            raise SourceLost("not connected")
        try:
            yield self._redis
        except (RedisError, OSError) as error:
            raise SourceLost(str(error) or repr(error)) from error


Fields = Mapping[bytes, bytes]
Found = Sequence[tuple[bytes, Fields | None]]


def message_of(fields: Fields) -> Message:
    """Read an entry: `body` and `content-type`, attributes as headers; one field alone is the body."""
    headers = {name.decode("utf-8", "replace"): value for name, value in fields.items()}
    body = headers.pop(_BODY, None)
    kind = headers.pop(_TYPE, ONE.encode()).decode("utf-8", "replace")
    if body is None and len(headers) == 1:
        [body] = headers.values()
        headers = {}
    return Message(
        content_type=kind,
        body=body or b"",
        headers={name: value.decode("utf-8", "replace") for name, value in headers.items()},
    )


def _entries(found: Found) -> list[Entry]:
    return [
        Entry(message=message_of(fields or {}), entry_id=entry_id) for entry_id, fields in found
    ]


# Any: redis-py returns what the protocol has: RESP2 a list of pairs, RESP3 a mapping of lists.
def _of_one_stream(found: Any) -> Found:  # noqa: ANN401
    """Return the entries of the only stream that was asked for."""
    if not found:
        return []
    blocks: list[Found] = found[0][1:] if isinstance(found, list) else next(iter(found.values()))
    return blocks[0]
