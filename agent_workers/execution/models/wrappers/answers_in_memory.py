"""The cache of one process: the twin of the shared one, for tests and for trials without Redis."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from secrets import token_hex


@dataclass(frozen=True, slots=True)
class _Kept:
    value: bytes
    until: float


class AnswersInMemory:
    def __init__(
        self,
        *,
        ttl_s: float = 3_600,
        lead_s: float = 5,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ttl_s = ttl_s
        self._lead_s = lead_s
        self._clock = clock
        self._lock = threading.Lock()
        self._answers: dict[str, _Kept] = {}
        self._leads: dict[str, _Kept] = {}

    def find(self, key: str) -> bytes | None:
        """Give the answer, unless it is too old."""
        kept = self._answers.get(key)
        return kept.value if kept and kept.until > self._clock() else None

    def lead(self, key: str, *, longest_s: float | None = None) -> str | None:
        """Become the one who asks, when nobody is or when whoever did has not been heard of."""
        lead_s = self._lead_s if longest_s is None else longest_s
        with self._lock:
            led = self._leads.get(key)
            if led is not None and led.until > self._clock():
                return None
            token = token_hex(8)
            self._leads[key] = _Kept(token.encode(), self._clock() + lead_s)
            return token

    def keep(self, key: str, answer: bytes, *, token: str, ttl_s: float | None = None) -> None:
        """Store the answer, for as long as it is said or as usual, and let go."""
        until = self._clock() + (self._ttl_s if ttl_s is None else ttl_s)
        with self._lock:
            self._answers[key] = _Kept(answer, until)
        self.leave(key, token=token)

    def leave(self, key: str, *, token: str) -> None:
        """Let go, unless another has taken over meanwhile."""
        with self._lock:
            led = self._leads.get(key)
            if led is not None and led.value == token.encode():
                del self._leads[key]


class NoAnswers:
    """Keeps nothing, and lets everybody ask: what is used when there is no Redis."""

    def find(self, key: str) -> bytes | None:  # noqa: ARG002 - nothing is kept
        return None

    def lead(self, key: str, *, longest_s: float | None = None) -> str | None:  # noqa: ARG002 - everybody may
        return ""

    def keep(self, key: str, answer: bytes, *, token: str, ttl_s: float | None = None) -> None:
        """Keep nothing."""

    def leave(self, key: str, *, token: str) -> None:
        """Nobody waits."""
