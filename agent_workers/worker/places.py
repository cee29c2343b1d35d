"""Who holds the places of a process: where several tenants come, none takes the last ones."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from agent_workers.domain.ids import TenantId
from agent_workers.domain.running.share import may_have_another

# With fewer places, a free one would cost more than it gives.
_FEWEST = 4
# Whose work has been of one tenant for so long keeps no place free for others.
_ALONE_S = 3_600.0


@dataclass(slots=True, kw_only=True)
class Places:
    """Each delivery holds one, for the tenant that its doorbell named or whose step it does."""

    slots: int
    clock: Callable[[], float] = time.monotonic
    _held: Counter[TenantId] = field(default_factory=Counter)
    _last: TenantId | None = None
    _changed_at: float | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, tenant_id: TenantId) -> None:
        with self._lock:
            self._held[tenant_id] += 1
            if self._last not in {None, tenant_id}:
                self._changed_at = self.clock()
            self._last = tenant_id

    def leave(self, tenant_id: TenantId) -> None:
        with self._lock:
            self._held[tenant_id] -= 1
            if not self._held[tenant_id]:
                del self._held[tenant_id]

    def barred(self, mine: TenantId) -> tuple[TenantId, ...]:
        """The tenants that may not have the place which I hold for this one."""
        with self._lock:
            if self.slots < _FEWEST or self._is_alone():
                return ()
            others = self._held - Counter([mine])
            free = self.slots - others.total()
            return tuple(
                one for one, held in others.items() if not may_have_another(held, free=free)
            )

    def _is_alone(self) -> bool:
        return self._changed_at is None or self.clock() - self._changed_at > _ALONE_S
