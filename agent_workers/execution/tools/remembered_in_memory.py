"""What tools gave, in one process: the twin of the shared store; and a store that keeps nothing."""

import time
from collections.abc import Callable
from datetime import timedelta

from agent_workers.domain.tools.remembered import Remembered


class ToolAnswersInMemory:
    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: dict[str, tuple[Remembered, float]] = {}

    def find(self, key: str) -> Remembered | None:
        """Give the answer, unless it is too old."""
        answer, until = self._kept.get(key, (None, 0.0))
        return answer if until > self._clock() else None

    def keep(self, key: str, answer: Remembered, *, stale_for: timedelta) -> None:
        """Store the answer in place of an earlier one."""
        self._kept[key] = (answer, self._clock() + stale_for.total_seconds())


class NoToolAnswers:
    """Keeps nothing: what is used when there is no Redis."""

    def find(self, key: str) -> Remembered | None:  # noqa: ARG002 - nothing is kept
        return None

    def keep(self, key: str, answer: Remembered, *, stale_for: timedelta) -> None:
        """Keep nothing."""
