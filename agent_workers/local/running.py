"""A system that runs for as long as a block does, and is stopped whatever happens in it."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from agent_workers.local.system import System

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def running(system: System) -> Iterator[None]:
    """Start a system and stop it, whatever happens; the first signal interrupts what goes on."""
    told = _Told(system)
    before = {number: signal.signal(number, told) for number in _SIGNALS}
    try:
        try:
            system.start()
            told.heed()
            yield
            told.heed()
        finally:
            told.is_ending = True
    finally:
        system.stop()
        for number, known in before.items():
            signal.signal(number, known)


class _Told:
    """Answers signals, without any lock: it could wait for the one whom it has interrupted."""

    def __init__(self, system: System) -> None:
        self._system = system
        self.is_ending = False

    def __call__(self, _: int, __: FrameType | None) -> None:
        if self.is_ending:
            # What stops everything must never be interrupted itself: it only hurries.
            self._system.supervisor.hurry()
            return
        self.is_ending = True
        raise KeyboardInterrupt

    def heed(self) -> None:
        """Python drops what is raised while it clears away an object or the lock of an import."""
        if self.is_ending:
            raise KeyboardInterrupt
