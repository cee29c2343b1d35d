"""Nudge: rings workers' doorbells after a commit, never making anybody wait for the broker."""

from collections.abc import Sequence

from agent_workers.transport.brokers.profiles import Broker, broker_of
from agent_workers.transport.doorbells.amqp_bell import AmqpBell
from agent_workers.transport.doorbells.publisher import Carrier, Publisher, PublisherHealth
from agent_workers.transport.doorbells.redis_bell import RedisBell
from agent_workers.transport.doorbells.ring import Ring

# Doorbells worth having in one queue; each delivery goes on to other due work by itself.
CAP = 64
# Rings kept while the broker is away; the sweeper rings again what is dropped.
LIMIT = 10_000


class Nudge:
    """`ring` costs microseconds and cannot fail; a lost ring is rung again by the sweeper."""

    def __init__(self, broker_url: str, *, cap: int = CAP, limit: int = LIMIT) -> None:
        self._broker_url = broker_url
        self._broker = broker_of(broker_url)
        self._cap = cap
        self._publisher: Publisher[Ring] = Publisher(self._connect, name="nudge", limit=limit)

    def ring(self, rings: Sequence[Ring]) -> None:
        self._publisher.put(rings)

    def health(self) -> PublisherHealth:
        return self._publisher.health()

    def close(self) -> None:
        """Send what waits, for at most a second."""
        self._publisher.close(within_s=1.0)

    def _connect(self) -> Carrier[Ring]:
        match self._broker:
            case Broker.REDIS:
                return RedisBell(self._broker_url, cap=self._cap)
            case Broker.RABBITMQ:
                return AmqpBell(self._broker_url, cap=self._cap)
