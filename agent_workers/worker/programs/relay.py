"""Tells the journal to an exchange outside: at least once, each job in order, from where it stood."""

import threading
import time
from collections.abc import Sequence
from typing import Protocol

import structlog

from agent_workers.domain.errors import AgentWorkersError
from agent_workers.domain.running.journal_tail import Entry
from agent_workers.state.jobs.relays import Relays

log = structlog.get_logger(__name__)

MOST_TOGETHER = 500
LEASE_S = 15.0
_HOLD_EVERY_S = 5.0
# An idle relay asks Postgres once a second in all, keeping its lease included.
_SHORTEST_S, _LONGEST_S = 0.05, 1.25
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.2, 5.0


class Bus(Protocol):
    """Somewhere that entries are published; raises what is retryable."""

    def open(self) -> None: ...

    def publish(self, entries: Sequence[Entry]) -> None: ...

    def beat(self) -> None: ...

    def close(self) -> None: ...


class Relay:
    """The cursor moves after the broker has confirmed: a crash in between tells a batch again."""

    def __init__(self, relays: Relays, bus: Bus, *, stop: threading.Event) -> None:
        self._relays = relays
        self._bus = bus
        self._stop = stop
        self._held_at: float | None = None

    def run(self) -> None:
        """Tell until told to stop, over as many connections as it takes."""
        pause = _FIRST_PAUSE_S
        while not self._stop.is_set():
            try:
                self._bus.open()
                log.info("relay_connected")
                self._tell()
            except AgentWorkersError as error:
                if not error.retryable:
                    raise
                log.warning("relay_interrupted", error=str(error))
                self._stop.wait(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_S)
            finally:
                self._bus.close()

    def _tell(self) -> None:
        pause = _SHORTEST_S
        while not self._stop.is_set():
            if self._holds() and self._tell_some():
                pause = _SHORTEST_S
                continue
            self._bus.beat()
            self._stop.wait(pause)
            pause = min(2 * pause, _LONGEST_S)

    def _holds(self) -> bool:
        """Have the relay to ourselves; another process with the same name stands by."""
        now = time.monotonic()
        if self._held_at is not None and now - self._held_at < _HOLD_EVERY_S:
            return True
        self._held_at = now if self._relays.hold(LEASE_S) else None
        return self._held_at is not None

    def _tell_some(self) -> bool:
        found = self._relays.next(MOST_TOGETHER)
        if found is None:
            return False
        self._bus.publish(found.entries)
        if not self._relays.told(found):
            log.warning("relay_taken_over")
            self._held_at = None
        return True
