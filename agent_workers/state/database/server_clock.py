"""Postgres's clock as one process knows it, and what is extended when that clock ran ahead."""

import threading
import time
from collections.abc import Callable
from datetime import datetime

import structlog

from agent_workers.domain.running.clock_reference import ClockReference
from agent_workers.state.database.engine import Database

log = structlog.get_logger(__name__)

# Older references would tolerate too much, younger ones would never notice a fast clock.
_RENEW_AFTER_S = 10.0
# A reply that took longer says too little about when it was given.
_QUICK_S = 0.1
_EXTEND = "select extend_grants(%s)"


class ServerClock:
    """Compares Postgres's clock with our monotonic one, from look to look."""

    def __init__(self, database: Database, *, own: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._own = own
        self._reference: ClockReference | None = None
        self._lock = threading.Lock()

    def look(self) -> None:
        """Ask Postgres for its time, and compare."""
        ours = self._own()
        with self._database.connection() as connection:
            row = connection.execute("select clock_timestamp()").fetchone()
        assert row is not None
        self.compare(row[0], ours)

    def compare(self, theirs: datetime, ours: float) -> None:
        """Compare a time that Postgres just gave with ours from before it was asked.

        Where its clock ran ahead, permits and leases last longer.
        """
        took = self._own() - ours
        # Counted from after the reply, so that a slow one is not taken for a jump.
        since = self.since_jump(theirs, ours + took)
        if since is not None:
            log.warning("clock_ran_ahead", since=since.isoformat(), now=theirs.isoformat())
            if self._extend(since) > 0:
                return  # somebody held those: the next look sees the same jump
        if took <= _QUICK_S:
            self._renew(theirs, ours, jumped=since is not None)

    def _extend(self, since: datetime) -> int:
        with self._database.connection() as connection:
            row = connection.execute(_EXTEND, (since,)).fetchone()
        return row[0] if row is not None else 0

    def since_jump(self, theirs: datetime, ours: float) -> datetime | None:
        """Return the last moment before a jump by Postgres's clock, None if there was no jump."""
        reference = self._reference
        if reference is None or not reference.ran_ahead(theirs, ours):
            return None
        return reference.theirs

    def own(self) -> float:
        """Return our own clock, to be read just before Postgres is asked."""
        return self._own()

    def _renew(self, theirs: datetime, ours: float, *, jumped: bool) -> None:
        with self._lock:
            reference = self._reference
            if reference is None or jumped or ours - reference.ours >= _RENEW_AFTER_S:
                self._reference = ClockReference(theirs=theirs, ours=ours)
