"""Values that all workers share through Redis: what others wrote there is not there."""

from agent_workers.transport.brokers.profiles import KEY_PREFIX
from agent_workers.transport.shared.model_redis import AwayOrNot
from agent_workers.transport.shared.seal import Seal


class SharedValues:
    """The only way to values that are acted upon; without a pepper, or Redis, nothing is shared."""

    def __init__(self, redis: AwayOrNot, *, kind: str, pepper: str) -> None:
        self._redis = redis
        self._kind = kind
        self._seal = Seal(pepper, purpose=kind)

    def find(self, key: str) -> bytes | None:
        """Give the value, if it is there and one of us has put it there."""
        if not self._seal.can_sign:
            return None
        name = self._name(key)
        return self._seal.opened(name, self._redis.ask(lambda redis: redis.get(name), None))

    def keep(self, key: str, value: bytes, *, ttl_ms: int) -> None:
        """Store the value in place of an earlier one."""
        if self._seal.can_sign:
            name = self._name(key)
            written = self._seal.signed(name, value)
            self._redis.ask(lambda redis: redis.set(name, written, px=ttl_ms), None)

    def _name(self, key: str) -> str:
        return f"{KEY_PREFIX}{self._kind}:{key}"
