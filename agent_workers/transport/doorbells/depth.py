"""How full the lanes' queues are: asked by sweepers, which leave young steps to a busy queue."""

from redis import Redis
from redis.exceptions import RedisError

from agent_workers.domain.step import Lane
from agent_workers.transport.brokers.lanes import ALL_LANES, queue_of
from agent_workers.transport.brokers.profiles import KEY_PREFIX, Broker, broker_of
from agent_workers.transport.doorbells.redis_bell import connected


class Depths:
    """The depth of each lane's ordinary queue; unknown counts as empty, and rings again."""

    def __init__(self, broker_url: str) -> None:
        self._broker_url = broker_url
        self._redis: Redis | None = None

    def of_all(self) -> dict[Lane, int]:
        if broker_of(self._broker_url) is not Broker.REDIS:
            return {}
        try:
            if self._redis is None:
                self._redis = connected(self._broker_url)
            with self._redis.pipeline(transaction=False) as pipe:
                for lane in ALL_LANES:
                    pipe.llen(KEY_PREFIX + queue_of(lane, high=False))
                return dict(zip(ALL_LANES, pipe.execute(), strict=True))
        except RedisError:
            return {}

    def busy(self) -> list[Lane]:
        """Lanes with messages that no worker has come for yet."""
        return [lane for lane, depth in self.of_all().items() if depth > 0]
