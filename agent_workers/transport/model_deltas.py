"""What models say while they say it: written to a Redis stream for each job, never waited for."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from redis import Redis

from agent_workers.domain.delta import Delta
from agent_workers.transport.profiles import KEY_PREFIX
from agent_workers.transport.publisher import Carried, Publisher
from agent_workers.transport.redis_bell import connected

# Who comes late sees the beginning, too; for how long, and how much of it.
KEPT_S: Final = 600
_MOST_ENTRIES: Final = 2_000
LIMIT: Final = 20_000


class RedisDeltas:
    """Says deltas from a thread of its own; with Redis away they are dropped, oldest first."""

    def __init__(self, redis_url: str) -> None:
        self._publisher: Publisher[Delta] = Publisher(
            lambda: _Stream(redis_url), name="model-deltas", limit=LIMIT
        )

    def say(self, delta: Delta) -> None:
        """Pass it on, without waiting."""
        self._publisher.put((delta,))

    def close(self) -> None:
        """Send what is left, for no longer than a second."""
        self._publisher.close(within_s=1.0)


class _Stream:
    def __init__(self, redis_url: str) -> None:
        self._redis: Redis = connected(redis_url)

    def carry(self, batch: Sequence[Delta]) -> Carried:
        with self._redis.pipeline(transaction=False) as pipe:
            for delta in _joined(batch):
                fields = {
                    "position": delta.position,
                    "attempt": delta.attempt,
                    "call": delta.call,
                    "text": delta.text.encode(errors="replace"),
                }
                pipe.xadd(stream_of(delta.job_id.hex), fields, maxlen=_MOST_ENTRIES)  # type: ignore[arg-type]
            for job in {delta.job_id.hex for delta in batch}:
                pipe.expire(stream_of(job), KEPT_S)
            pipe.execute()
        return Carried(published=len(batch))

    def close(self) -> None:
        self._redis.close()


def stream_of(job: str) -> str:
    """Name the stream of a job; its attempts follow one another in it."""
    return f"{KEY_PREFIX}deltas:{job}"


def _joined(batch: Iterable[Delta]) -> Iterator[Delta]:
    """Join what belongs together: the further behind Redis is, the fewer entries it gets."""
    whole: dict[tuple[str, int, int, int], Delta] = {}
    for delta in batch:
        of = (delta.job_id.hex, delta.position, delta.attempt, delta.call)
        before = whole.get(of)
        whole[of] = replace(delta, text=before.text + delta.text) if before else delta
    yield from whole.values()
