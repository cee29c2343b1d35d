"""What models say while they say it: written to a Redis stream for each job, never waited for."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

import structlog
from redis import Redis
from redis.client import Pipeline
from redis.exceptions import OutOfMemoryError, ReadOnlyError, ResponseError

from agent_workers.domain.models.delta import Delta
from agent_workers.transport.brokers.profiles import KEY_PREFIX
from agent_workers.transport.doorbells.publisher import Carried, Publisher
from agent_workers.transport.doorbells.redis_bell import connected
from agent_workers.transport.shared.seal import Seal

log = structlog.get_logger(__name__)

# Who comes late sees the beginning, too; for how long, and how much of it.
KEPT_S: Final = 600
_MOST_ENTRIES: Final = 2_000
LIMIT: Final = 20_000
_FIELD: Final = "delta"


class RedisDeltas:
    """Says deltas from a thread of its own; with Redis away they are dropped, oldest first."""

    def __init__(self, redis_url: str, *, pepper: str) -> None:
        self._words = Words(pepper)
        self._publisher: Publisher[Delta] = Publisher(
            lambda: _Stream(redis_url, self._words), name="model-deltas", limit=LIMIT
        )

    def say(self, delta: Delta) -> None:
        """Pass it on, without waiting; nobody would believe what is not signed."""
        if self._words.can_sign:
            self._publisher.put((delta,))

    def close(self) -> None:
        """Send what is left, for no longer than a second."""
        self._publisher.close(within_s=1.0)


class Words:
    """Writes deltas as entries of their job's stream, and reads those that one of us has written."""

    def __init__(self, pepper: str) -> None:
        self._seal = Seal(pepper, purpose="deltas")
        self.can_sign = self._seal.can_sign

    def written(self, delta: Delta) -> dict[str, bytes]:
        """Sign a delta."""
        # What a model said may hold half a surrogate pair, which no stream of ours can carry.
        text = delta.text.encode(errors="replace").decode()
        said = json.dumps([delta.position, delta.attempt, delta.call, text]).encode("ascii")
        return {_FIELD: self._seal.signed(stream_of(delta.job_id.hex), said)}

    # Any: what redis-py makes of an entry.
    def read(self, job_id: UUID, fields: Any) -> Delta | None:  # noqa: ANN401
        """Give the delta, or nothing when it is none of ours."""
        written = fields.get(_FIELD.encode(), b"") if isinstance(fields, dict) else b""
        said = self._seal.opened(stream_of(job_id.hex), written)
        if said is None:
            return None
        position, attempt, call, text = json.loads(said)
        return Delta(job_id=job_id, position=position, attempt=attempt, call=call, text=text)


class _Stream:
    def __init__(self, redis_url: str, words: Words) -> None:
        self._redis: Redis = connected(redis_url)
        self._words = words

    def carry(self, batch: Sequence[Delta]) -> Carried:
        with self._redis.pipeline(transaction=False) as pipe:
            for delta in _joined(batch):
                fields = self._words.written(delta)
                pipe.xadd(stream_of(delta.job_id.hex), fields, maxlen=_MOST_ENTRIES)  # type: ignore[arg-type]
            for job in {delta.job_id.hex for delta in batch}:
                pipe.expire(stream_of(job), KEPT_S)
            _write(pipe)
        return Carried(published=len(batch))

    def close(self) -> None:
        self._redis.close()


def _write(pipe: Pipeline) -> None:
    """Run what waits; what one stream refuses is lost, and nobody else's is written twice for it."""
    replies = pipe.execute(raise_on_error=False)
    refused = [reply for reply in replies if isinstance(reply, ResponseError)]
    for reply in refused:
        if isinstance(reply, OutOfMemoryError | ReadOnlyError):
            raise reply
    if refused:
        log.warning("deltas_refused", refused=len(refused), error=str(refused[0]))


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
