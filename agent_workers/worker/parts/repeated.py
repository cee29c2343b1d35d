"""A trouble that comes again and again: the first time is worth a line of the log, then one now and then."""

import time
from collections.abc import Callable

SAID_EVERY_S = 10.0


class Repeated:
    """Counts how often something came, and says when it is time to tell."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._said_at = float("-inf")
        self._times = 0

    def times(self) -> int:
        """Count one more; return how often it came since it was told last, or 0 while that is too soon."""
        self._times += 1
        now = self._clock()
        if now - self._said_at < SAID_EVERY_S:
            return 0
        self._said_at, times = now, self._times
        self._times = 0
        return times
