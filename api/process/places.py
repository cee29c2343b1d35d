"""Who holds the places of the API: each tenant has a share, and who waits for one has a turn."""

from collections import Counter, deque
from typing import Generic, TypeVar

from agent_workers.domain.ids import TenantId
from agent_workers.domain.running.share import may_have_another

Waiter = TypeVar("Waiter")
# None stands for what belongs to no tenant.
Holder = TenantId | None

MOST_WAITING = 512


class Places(Generic[Waiter]):
    """A place that comes free goes to the tenant that holds the fewest; of several, in turns."""

    def __init__(self, slots: int, *, most_waiting: int = MOST_WAITING) -> None:
        self.free = slots
        self._most_waiting = most_waiting
        self._held: Counter[Holder] = Counter()
        # In the order of their turns.
        self._waiting: dict[Holder, deque[Waiter]] = {}

    def take(self, tenant_id: Holder) -> bool:
        """Take a place at once, if the tenant may; then none of it waits."""
        if not self._may(tenant_id):
            return False
        self._hold(tenant_id)
        return True

    def wait(self, tenant_id: Holder, waiter: Waiter) -> bool:
        """Wait behind what else of this tenant waits; false when too much does."""
        waiting = self._waiting.setdefault(tenant_id, deque())
        if len(waiting) >= self._most_waiting:
            return False
        waiting.append(waiter)
        return True

    def give_up(self, tenant_id: Holder, waiter: Waiter) -> None:
        """Wait no more, without having had a place."""
        waiting = self._waiting[tenant_id]
        waiting.remove(waiter)
        if not waiting:
            del self._waiting[tenant_id]

    def leave(self, tenant_id: Holder) -> list[Waiter]:
        """Give a place back; returns those who have one now."""
        self.free += 1
        self._held[tenant_id] -= 1
        if not self._held[tenant_id]:
            del self._held[tenant_id]
        let_in = []
        while (following := self._next()) is not None:
            let_in.append(following)
        return let_in

    def _next(self) -> Waiter | None:
        if not self._waiting:
            return None
        tenant_id = min(self._waiting, key=self._held.__getitem__)
        # If it may not, none that waits may.
        if not self._may(tenant_id):
            return None
        self._hold(tenant_id)
        waiting = self._waiting.pop(tenant_id)
        waiter = waiting.popleft()
        if waiting:
            self._waiting[tenant_id] = waiting  # behind the others
        return waiter

    def _may(self, tenant_id: Holder) -> bool:
        return may_have_another(self._held[tenant_id], free=self.free)

    def _hold(self, tenant_id: Holder) -> None:
        self.free -= 1
        self._held[tenant_id] += 1
