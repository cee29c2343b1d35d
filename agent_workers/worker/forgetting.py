"""Deletes memories that are past their time; until then they are only never found."""

import time
from collections.abc import Callable
from typing import Final

from agent_workers.state.memories import MemoryRows

_EVERY_S: Final = 60.0
_AT_ONCE: Final = 500


class Forgetting:
    """Looks once a minute; while there is more than one look takes, every time it is asked."""

    def __init__(self, rows: MemoryRows, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._rows = rows
        self._clock = clock
        self._due_at = clock()

    def keep(self) -> None:
        """Delete some, if it is time."""
        now = self._clock()
        if now < self._due_at:
            return
        gone = self._rows.forget_expired(most=_AT_ONCE)
        self._due_at = now if gone == _AT_ONCE else now + _EVERY_S
