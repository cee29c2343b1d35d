"""A Redis that may be away: what models share through it is worth having, and never worth failing."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

import structlog
from redis import BlockingConnectionPool, Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from agent_workers.transport.brokers.profiles import PUBLISH_TIMEOUT_S
from agent_workers.transport.doorbells.redis_bell import client_url

log = structlog.get_logger(__name__)

T = TypeVar("T")

# Hundreds of threads ask, each for a moment.
_CONNECTIONS = 8
_IN_LINE_S = 5.0
# So long nobody asks again after a failure: a hung server would hold each call up for a second.
REST_S = 5.0


class AwayOrNot:
    """Asks Redis, or answers at once with something else while it is away; logs it once."""

    def __init__(self, redis_url: str, *, rest_s: float = REST_S) -> None:
        self._url = client_url(redis_url)
        self._rest_s = rest_s
        self._lock = threading.Lock()
        self._redis: Redis | None = None
        self._rests_until = 0.0
        self._is_away = False

    def ask(self, work: Callable[[Redis], T], otherwise: T) -> T:
        """Do the work with Redis; whatever goes wrong there gives `otherwise`."""
        if time.monotonic() < self._rests_until:
            return otherwise
        try:
            given = work(self._connected())
        except RedisError as error:
            self._rest(error)
            return otherwise
        if self._is_away:
            self._is_away = False
            log.info("models_share_again")
        return given

    def _connected(self) -> Redis:
        with self._lock:
            if self._redis is None:
                pool = BlockingConnectionPool.from_url(
                    self._url,
                    max_connections=_CONNECTIONS,
                    timeout=_IN_LINE_S,
                    socket_timeout=PUBLISH_TIMEOUT_S,
                    socket_connect_timeout=PUBLISH_TIMEOUT_S,
                    retry=Retry(NoBackoff(), 1),  # a connection that has gone stale
                )
                self._redis = Redis(connection_pool=pool)
            return self._redis

    def _rest(self, error: RedisError) -> None:
        self._rests_until = time.monotonic() + self._rest_s
        if not self._is_away:
            self._is_away = True
            log.warning("models_share_nothing", error=repr(error))
