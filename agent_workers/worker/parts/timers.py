"""Timers in the kernel: a process that is frozen with a permit dies instead of acting late."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

_SHORTEST_S = 0.001
# How much later than asked for a timer may ring before it is set again.
_TOLERANCE_S = 0.01


class KernelTimer:
    """Keeps `setitimer` at the earliest of all deadlines that are armed in this process.

    SIGALRM keeps its default action, which is to end the process: also one that was stopped,
    at the moment it wakes and before it runs another instruction.
    """

    def __init__(self) -> None:
        self._deadlines: dict[int, float] = {}
        self._numbers = count()
        self._lock = threading.Lock()

    def now(self) -> float:
        """Return the clock that deadlines are given in."""
        return time.monotonic()

    @contextmanager
    def armed(self, deadline: float) -> Iterator[None]:
        number = next(self._numbers)
        with self._lock:
            self._deadlines[number] = deadline
            self._set()
        try:
            yield
        finally:
            with self._lock:
                del self._deadlines[number]
                self._set()

    def _set(self) -> None:
        """Set the kernel's timer, again if we were frozen between reading the clock and setting it."""
        if not self._deadlines:
            signal.setitimer(signal.ITIMER_REAL, 0)
            return
        deadline = min(self._deadlines.values())
        while True:
            signal.setitimer(signal.ITIMER_REAL, max(deadline - time.monotonic(), _SHORTEST_S))
            left, _ = signal.getitimer(signal.ITIMER_REAL)
            now = time.monotonic()
            if now + left <= max(deadline, now + _SHORTEST_S) + _TOLERANCE_S:
                return
