"""Breakers of one process alone: the twin of the shared ones, for tests and single workers."""

import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from agent_workers.domain.breaker import Breaker, BreakerSeen, BreakerState, Place
from agent_workers.domain.claim import Due
from agent_workers.domain.ids import TenantId


class BreakersInMemory:
    """Keeps breakers in a dict; nothing is parked on them, so there is nobody to wake."""

    def __init__(self) -> None:
        self._rows: dict[Place, Breaker] = {}
        self._lock = threading.Lock()

    def see(self, name: str, tenant_id: TenantId) -> BreakerSeen:
        return self._seen(self._row(name, tenant_id))

    def troubled(self) -> Sequence[BreakerSeen]:
        return [
            self._seen(row)
            for row in list(self._rows.values())
            if row.state is not BreakerState.CLOSED
        ]

    def all(self) -> Sequence[BreakerSeen]:
        return [self._seen(self._rows[place]) for place in sorted(self._rows)]

    def swap(self, before: Breaker, after: Breaker) -> Breaker | None:
        """Put one in the place of another unless somebody else did first."""
        with self._lock:
            if self._row(*before.place).version != before.version:
                return None
            put = replace(after, version=before.version + 1)
            self._rows[before.place] = put
            return put

    def wake(self, name: str, tenant_id: TenantId) -> Sequence[Due]:  # noqa: ARG002 (nobody waits here)
        return []

    def _row(self, name: str, tenant_id: TenantId) -> Breaker:
        return self._rows.get((name, tenant_id), Breaker(name=name, tenant_id=tenant_id))

    def _seen(self, breaker: Breaker) -> BreakerSeen:
        return BreakerSeen(breaker=breaker, now=datetime.now(UTC))
