"""Hears what models say, for all watchers of an API process over one connection to Redis."""

import asyncio
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final
from uuid import UUID

import redis.asyncio
import structlog
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from agent_workers.domain.models.delta import Delta
from agent_workers.transport.brokers.profiles import CONNECT_TIMEOUT_S, SOCKET_TIMEOUT_S
from agent_workers.transport.doorbells.redis_bell import client_url
from agent_workers.transport.shared.model_deltas import Words, stream_of
from agent_workers.transport.shared.wake import CLOSE_PATIENCE_S, RECONNECT_S

log = structlog.get_logger(__name__)

# So long it takes at most until a new watcher's stream is read, too.
_LOOK_EVERY_MS: Final = 200
_AT_ONCE: Final = 200
_MOST_WAITING: Final = 2_000


class Heard:
    """What one watcher has not been told yet; of a watcher that is slow, the oldest is dropped."""

    def __init__(self, job_id: UUID, *, read_to: bytes | None) -> None:
        self.stream = stream_of(job_id.hex)
        self.read_to = read_to
        self.job_id = job_id
        self._waiting: deque[Delta] = deque(maxlen=_MOST_WAITING)
        self._rung = asyncio.Event()

    def take(self) -> Sequence[Delta]:
        taken = tuple(self._waiting)
        self._waiting.clear()
        self._rung.clear()
        return taken

    async def wait(self) -> None:
        await self._rung.wait()

    def is_new(self, entry_id: bytes) -> bool:
        """Take note of an entry; false if it was before this watcher's time."""
        if self.read_to is None or _order(entry_id) <= _order(self.read_to):
            return False
        self.read_to = entry_id
        return True

    def add(self, delta: Delta) -> None:
        self._waiting.append(delta)
        self._rung.set()


class DeltaListener:
    """With Redis away, or none at all, nothing is heard: the journal has the answer all the same."""

    def __init__(self, redis_url: str | None, *, pepper: str) -> None:
        self._redis_url = redis_url
        self._words = Words(pepper)
        self._watchers: set[Heard] = set()
        self._watched = asyncio.Event()
        self._listening: asyncio.Task[None] | None = None

    async def start(self) -> None:
        if self._redis_url is not None:
            self._listening = asyncio.create_task(self._listen(client_url(self._redis_url)))

    async def close(self) -> None:
        if self._listening is not None:
            self._listening.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.wait([self._listening], timeout=CLOSE_PATIENCE_S)

    @contextmanager
    def watch(self, job_id: UUID, *, from_start: bool) -> Iterator[Heard]:
        """Hear a job: all of it, or only what is said from now on."""
        heard = Heard(job_id, read_to=b"0-0" if from_start else None)
        self._watchers.add(heard)
        self._watched.set()
        try:
            yield heard
        finally:
            self._watchers.discard(heard)

    async def _listen(self, url: str) -> None:
        while True:
            try:
                await self._listen_once(url)
            except (RedisError, OSError) as error:
                log.debug("deltas_unheard", error=repr(error))
            await asyncio.sleep(RECONNECT_S)

    async def _listen_once(self, url: str) -> None:
        client = redis.asyncio.Redis.from_url(
            url,
            socket_connect_timeout=CONNECT_TIMEOUT_S,
            socket_timeout=SOCKET_TIMEOUT_S,
            socket_keepalive=True,
            retry=Retry(NoBackoff(), 0),
        )
        async with client:
            while True:
                if not self._watchers:
                    self._watched.clear()
                    await self._watched.wait()
                try:
                    await self._begin(client)
                    self._hear(await client.xread(self._places(), _AT_ONCE, _LOOK_EVERY_MS))
                except ResponseError:
                    await self._leave_broken(client)

    async def _leave_broken(self, client: redis.asyncio.Redis) -> None:
        """Hear no more of what is no stream: one such key would end the hearing of all others."""
        found = {heard: await client.type(heard.stream) for heard in list(self._watchers)}
        broken = {heard for heard, kind in found.items() if kind not in {b"stream", b"none"}}
        if not broken:
            raise ResponseError("the streams in Redis cannot be read")
        log.warning("not_our_type_in_redis", streams=len(broken))
        self._watchers -= broken

    async def _begin(self, client: redis.asyncio.Redis) -> None:
        """Find where the streams end now, for those who only want what comes."""
        for heard in [heard for heard in self._watchers if heard.read_to is None]:
            last: Any = await client.xrevrange(heard.stream, count=1)
            heard.read_to = last[0][0] if last else b"0-0"

    def _places(self) -> dict[Any, Any]:
        places: dict[str, bytes] = {}
        for heard in self._watchers:
            read_to = heard.read_to or b"0-0"
            places[heard.stream] = min(read_to, places.get(heard.stream, read_to), key=_order)
        return places

    # Any: what redis-py makes of a reply.
    def _hear(self, found: Any) -> None:  # noqa: ANN401
        for stream, entries in found or ():
            watchers = [one for one in self._watchers if one.stream.encode() == stream]
            for entry_id, fields in entries:
                new = [heard for heard in watchers if heard.is_new(entry_id)]
                delta = self._words.read(new[0].job_id, fields) if new else None
                if delta is not None:
                    for heard in new:
                        heard.add(delta)


def _order(entry_id: bytes) -> tuple[int, int]:
    milliseconds, _, number = entry_id.partition(b"-")
    return int(milliseconds), int(number or 0)
