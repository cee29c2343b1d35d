"""Timers in the kernel: a process that is frozen with a permit dies instead of acting late."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import count


class KernelTimer:
    """Keeps `setitimer` at the earliest of all deadlines that are armed in this process.

    SIGALRM keeps its default action, which is to end the process: also one that was stopped,
    at the moment it wakes and before it runs another instruction.
    """

    def __init__(self) -> None:
        self._deadlines: dict[int, float] = {}
        self._numbers = count()
        self._lock = threading.Lock()

    @contextmanager
    def armed(self, budget: timedelta) -> Iterator[Callable[[timedelta], None]]:
        """Arm; what is yielded sets another budget, counted from the same beginning."""
        number, began = next(self._numbers), time.monotonic()

        def rearm(budget: timedelta) -> None:
            with self._lock:
                self._deadlines[number] = began + budget.total_seconds()
                self._set()

        rearm(budget)
        try:
            yield rearm
        finally:
            with self._lock:
                del self._deadlines[number]
                self._set()

    def _set(self) -> None:
        if not self._deadlines:
            signal.setitimer(signal.ITIMER_REAL, 0)
            return
        left = min(self._deadlines.values()) - time.monotonic()
        signal.setitimer(signal.ITIMER_REAL, max(left, 0.001))
