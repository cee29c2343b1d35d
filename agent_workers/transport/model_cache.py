"""Exact answers of models and of tools in Redis, with one worker at a time asking for each."""

import os
import threading
import time
from secrets import token_hex
from typing import Any, Final

from redis import Redis

from agent_workers.transport.model_redis import AwayOrNot
from agent_workers.transport.profiles import KEY_PREFIX

TTL_S: Final = 86_400
# A worker that dies while it asks is heard of no more after this; a living one says so in time.
LEAD_S: Final = 4.0
# Larger answers are not worth the memory of all.
_MOST_BYTES: Final = 256 * 1024

_ONLY_MINE: Final = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call({}) end"
_LET_GO: Final = _ONLY_MINE.format("'DEL', KEYS[1]")
_STAY: Final = _ONLY_MINE.format("'PEXPIRE', KEYS[1], ARGV[2]")


class RedisAnswers:
    """Keeps answers for a day, if nothing else is said; whoever asks holds a lock that it prolongs while it lives."""

    def __init__(self, redis: AwayOrNot, *, ttl_s: float = TTL_S, lead_s: float = LEAD_S) -> None:
        self._redis = redis
        self._ttl_ms = round(ttl_s * 1_000)
        self._lead_ms = round(lead_s * 1_000)
        self._lock = threading.Lock()
        self._led: dict[str, str] = {}
        self._pid = 0

    def find(self, key: str) -> bytes | None:
        """Give the answer, if there is one and Redis is there."""
        # Any: redis-py cannot say what a key holds.
        found: Any = self._redis.ask(lambda redis: redis.get(_answer(key)), None)
        return found if isinstance(found, bytes) else None

    def lead(self, key: str) -> str | None:
        """Become the one who asks; without Redis, everybody asks."""
        token = token_hex(8)

        def take(redis: Redis) -> object:
            return redis.set(_lead(key), token, nx=True, px=self._lead_ms)

        as_if_it_were_ours = object()
        if self._redis.ask(take, as_if_it_were_ours) is None:
            return None
        self._prolong(key, token)
        return token

    def keep(self, key: str, answer: bytes, *, token: str, ttl_s: float | None = None) -> None:
        """Store the answer, for as long as it is said or as usual, then let go."""
        ttl_ms = self._ttl_ms if ttl_s is None else max(1, round(ttl_s * 1_000))
        if len(answer) <= _MOST_BYTES:
            self._redis.ask(lambda redis: redis.set(_answer(key), answer, px=ttl_ms), None)
        self.leave(key, token=token)

    def leave(self, key: str, *, token: str) -> None:
        """Let go, unless another has taken over meanwhile."""
        with self._lock:
            self._led.pop(key, None)
        self._redis.ask(lambda redis: redis.eval(_LET_GO, 1, _lead(key), token), None)

    def _prolong(self, key: str, token: str) -> None:
        with self._lock:
            self._led[key] = token
            # A thread of its own: the one that asks is blocked by its call.
            if self._pid != os.getpid():
                self._pid = os.getpid()
                threading.Thread(target=self._stay, name="model-leads", daemon=True).start()

    def _stay(self) -> None:
        while True:
            time.sleep(self._lead_ms / 4_000)
            with self._lock:
                led = dict(self._led)
            for key, token in led.items():
                self._redis.ask(
                    lambda redis, key=key, token=token: redis.eval(  # type: ignore[misc]
                        _STAY, 1, _lead(key), token, self._lead_ms
                    ),
                    None,
                )


def _answer(key: str) -> str:
    return f"{KEY_PREFIX}answer:{key}"


def _lead(key: str) -> str:
    return f"{KEY_PREFIX}asking:{key}"
