"""Exact answers of models and of tools in Redis, with one worker at a time asking for each."""

import math
import os
import threading
import time
from secrets import token_hex
from typing import Final

from redis import Redis

from agent_workers.transport.brokers.profiles import KEY_PREFIX
from agent_workers.transport.shared.model_redis import AwayOrNot
from agent_workers.transport.shared.shared_values import SharedValues

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

    def __init__(
        self, redis: AwayOrNot, *, pepper: str, ttl_s: float = TTL_S, lead_s: float = LEAD_S
    ) -> None:
        self._redis = redis
        self._values = SharedValues(redis, kind="answer", pepper=pepper)
        self._ttl_ms = round(ttl_s * 1_000)
        self._lead_ms = round(lead_s * 1_000)
        self._lock = threading.Lock()
        # Whose they are, and until when they are prolonged at most.
        self._led: dict[str, tuple[str, float]] = {}
        self._pid = 0

    def find(self, key: str) -> bytes | None:
        """Give the answer, if there is one and Redis is there."""
        return self._values.find(key)

    def lead(self, key: str, *, longest_s: float | None = None) -> str | None:
        """Become the one who asks, for no longer than is said; without Redis, everybody asks."""
        token = token_hex(8)
        until = math.inf if longest_s is None else time.monotonic() + longest_s
        first_ms = self._lead_ms if longest_s is None else self._at_most_ms(longest_s)

        def take(redis: Redis) -> object:
            return redis.set(_lead(key), token, nx=True, px=first_ms)

        as_if_it_were_ours = object()
        if self._redis.ask(take, as_if_it_were_ours) is None:
            return None
        self._prolong(key, token, until)
        return token

    def keep(self, key: str, answer: bytes, *, token: str, ttl_s: float | None = None) -> None:
        """Store the answer, for as long as it is said or as usual, then let go."""
        ttl_ms = self._ttl_ms if ttl_s is None else max(1, round(ttl_s * 1_000))
        if len(answer) <= _MOST_BYTES:
            self._values.keep(key, answer, ttl_ms=ttl_ms)
        self.leave(key, token=token)

    def leave(self, key: str, *, token: str) -> None:
        """Let go, unless another has taken over meanwhile."""
        with self._lock:
            if self._led.get(key, ("", 0.0))[0] == token:
                del self._led[key]
        self._redis.ask(lambda redis: redis.eval(_LET_GO, 1, _lead(key), token), None)

    def _at_most_ms(self, left_s: float) -> int:
        return max(1, min(self._lead_ms, round(left_s * 1_000)))

    def _prolong(self, key: str, token: str, until: float) -> None:
        with self._lock:
            self._led[key] = (token, until)
            # A thread of its own: the one that asks is blocked by its call.
            if self._pid != os.getpid():
                self._pid = os.getpid()
                threading.Thread(target=self._stay, name="model-leads", daemon=True).start()

    def _stay(self) -> None:
        while True:
            time.sleep(self._lead_ms / 4_000)
            now = time.monotonic()
            with self._lock:
                # Who asks for too long hangs: another one may ask.
                self._led = {key: led for key, led in self._led.items() if led[1] > now}
                led = dict(self._led)
            for key, (token, until) in led.items():
                self._stay_one(key, token, until - now)

    def _stay_one(self, key: str, token: str, left_s: float) -> None:
        ms = self._lead_ms if math.isinf(left_s) else self._at_most_ms(left_s)
        self._redis.ask(lambda redis: redis.eval(_STAY, 1, _lead(key), token, ms), None)


def _lead(key: str) -> str:
    return f"{KEY_PREFIX}asking:{key}"
