"""Wake-ups for long-polls and streams: published after a commit, heard once per API process."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

import redis.asyncio
import structlog
from redis import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from agent_workers.transport.brokers.profiles import CONNECT_TIMEOUT_S, KEY_PREFIX
from agent_workers.transport.doorbells.publisher import Carried, Publisher, PublisherHealth
from agent_workers.transport.doorbells.redis_bell import client_url, connected

log = structlog.get_logger(__name__)

# One channel for all: an API process listens to it once, whatever it waits for.
CHANNEL = KEY_PREFIX + "wake"
LIMIT = 10_000
RECONNECT_S = 0.5
PING_AFTER_S = 10.0
CLOSE_PATIENCE_S = 1.0


class Wakeups:
    """Tells every API process which jobs have news; without a Redis it does nothing."""

    def __init__(self, redis_url: str | None, *, limit: int = LIMIT) -> None:
        self._publisher: Publisher[str] | None = None
        if redis_url is not None:
            url = redis_url
            self._publisher = Publisher(lambda: _Channel(url), name="wakeups", limit=limit)

    def publish(self, channel_ids: Iterable[str]) -> None:
        if self._publisher is not None:
            self._publisher.put(channel_ids)

    def health(self) -> PublisherHealth | None:
        return self._publisher.health() if self._publisher else None

    def close(self) -> None:
        if self._publisher is not None:
            self._publisher.close(within_s=1.0)


class _Channel:
    """Publishes a whole batch as one message, each id once."""

    def __init__(self, redis_url: str) -> None:
        self._redis: Redis = connected(redis_url)

    def carry(self, batch: Sequence[str]) -> Carried:
        ids = dict.fromkeys(batch)
        self._redis.publish(CHANNEL, "\n".join(ids))
        return Carried(published=len(ids), suppressed=0)

    def close(self) -> None:
        self._redis.close()


class Watch:
    """One waiter's bell; made before the row is read, so that no wake-up falls in between."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        self._rung.set()

    async def wait(self, timeout_s: float) -> bool:
        """Return whether a wake-up came since the last wait; never raises, with Redis down or not."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._rung.wait(), timeout_s)
        woken = self._rung.is_set()
        self._rung.clear()
        return woken


class WakeListener:
    """Hears the wake-ups for all waiters of this process; they fall back to their own time-outs."""

    def __init__(self, redis_url: str | None) -> None:
        self._redis_url = redis_url
        self._watches: defaultdict[str, set[Watch]] = defaultdict(set)
        self._listening: asyncio.Task[None] | None = None
        self._closed = False

    async def start(self) -> None:
        if self._redis_url is not None:
            self._listening = asyncio.create_task(self._listen(client_url(self._redis_url)))

    async def close(self) -> None:
        # Before Python 3.12 `wait_for`, which redis-py uses, may swallow a cancellation.
        self._closed = True
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.wait([self._listening], timeout=CLOSE_PATIENCE_S)

    @contextmanager
    def watch(self, channel_id: str) -> Iterator[Watch]:
        watch = Watch()
        self._watches[channel_id].add(watch)
        try:
            yield watch
        finally:
            self._watches[channel_id].discard(watch)
            if not self._watches[channel_id]:
                del self._watches[channel_id]

    async def wait(self, channel_id: str, timeout_s: float) -> bool:
        with self.watch(channel_id) as watch:
            return await watch.wait(timeout_s)

    async def _listen(self, url: str) -> None:
        while not self._closed:
            try:
                await self._listen_once(url)
            except (RedisError, OSError) as error:
                log.debug("wakeups_unheard", error=repr(error))
            await asyncio.sleep(RECONNECT_S)

    async def _listen_once(self, url: str) -> None:
        client = redis.asyncio.Redis.from_url(
            url,
            socket_connect_timeout=CONNECT_TIMEOUT_S,
            socket_keepalive=True,
            retry=Retry(NoBackoff(), 0),  # a silent reconnection would hide the gap
        )
        async with client, client.pubsub(ignore_subscribe_messages=True) as subscription:
            await subscription.subscribe(CHANNEL)
            self._ring_everybody()  # what was published while nobody listened is not repeated
            unanswered = 0
            # A socket whose other end is gone stays silent without an error.
            while unanswered <= 1 and not self._closed:
                message = await subscription.get_message(timeout=PING_AFTER_S)
                if message is None:
                    unanswered += 1
                    await subscription.ping()
                else:
                    unanswered = 0
                    self._hear(message)

    def _hear(self, message: Mapping[str, object]) -> None:
        heard = message["data"]
        if message["type"] != "message" or not isinstance(heard, bytes):
            return
        for channel_id in heard.decode("ascii", "replace").split("\n"):
            _ring(self._watches.get(channel_id, ()))

    def _ring_everybody(self) -> None:
        for watches in self._watches.values():
            _ring(watches)


def _ring(watches: Iterable[Watch]) -> None:
    for watch in watches:
        watch.ring()
