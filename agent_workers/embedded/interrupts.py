"""Holds signals back for the moment in which a process has been started and nobody knows it yet."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_Answer = Callable[[int, FrameType | None], object]


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Let what answers a signal wait for the end: an exception in between would lose a process.

    Python answers signals in its main thread only, so there is nothing to do in another.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    holding = _Holding()
    try:
        holding.begin()
        yield
    finally:
        holding.end()


class _Holding:
    def __init__(self) -> None:
        self._answers: dict[int, _Answer] = {}
        self._arrived: list[int] = []
        self._is_over = False

    def begin(self) -> None:
        for number in _SIGNALS:
            answer = signal.getsignal(number)
            # What is ignored or left to the system interrupts nobody, and is inherited.
            if callable(answer):
                self._answers[number] = answer
                signal.signal(number, self._hold)

    def end(self) -> None:
        self._is_over = True
        for number, answer in self._answers.items():
            signal.signal(number, answer)
        for number in self._arrived:
            signal.raise_signal(number)

    def _hold(self, number: int, frame: FrameType | None) -> None:
        if self._is_over:
            self._answers[number](number, frame)
        else:
            self._arrived.append(number)
