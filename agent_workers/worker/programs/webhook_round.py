"""The round of a process that delivers webhooks: claim what is due, carry it on threads, go on."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import UUID

import structlog

from agent_workers.domain.errors import AgentWorkersError, StateUnavailable
from agent_workers.domain.ids import DELIVERY_ID
from agent_workers.domain.webhooks.delivery import ClaimedDelivery
from agent_workers.orchestration.requests.webhooks import Courier
from agent_workers.state.webhooks.queue import WebhookQueue

log = structlog.get_logger(__name__)

# How soon an announcement is seen: the longer nothing was due, the later.
_LOOK_S, _LOOK_IDLE_S = 0.2, 1.1
_UNAVAILABLE_S = 1.0
_FORGET_EVERY_S = 60.0
KEPT_FOR = timedelta(days=30)


class Round:
    def __init__(self, queue: WebhookQueue, courier: Courier, *, slots: int) -> None:
        self._queue = queue
        self._courier = courier
        self._slots = slots
        # However many receivers fail or have not answered yet, the others find room.
        self._slots_for_unsure = max(1, slots // 2)
        self._under_way: dict[tuple[UUID, int], ClaimedDelivery] = {}
        self._lock = threading.Lock()
        self._came_back = threading.Event()
        self._forgot_at = time.monotonic()
        self._pause = _LOOK_S

    def run(self, stopping: Callable[[], bool]) -> None:
        """Go on until told to stop; then finish what is under way."""
        with ThreadPoolExecutor(self._slots, thread_name_prefix="webhook") as pool:
            while not stopping():
                pause = self._turn(pool)
                if pause:
                    self._came_back.wait(pause)
                    self._came_back.clear()

    def _turn(self, pool: ThreadPoolExecutor) -> float:
        """Claim as much as there is room for; say how long to wait before the next turn."""
        with self._lock:
            under_way = list(self._under_way.values())
        free = self._slots - len(under_way)
        unsure = self._slots_for_unsure - sum(one.unsure for one in under_way)
        if not free:
            return _LOOK_S
        try:
            claimed = self._queue.claim(free, unsure=max(0, unsure), under_way=under_way)
            self._forget()
        except AgentWorkersError as error:
            log.warning("webhooks_wait_for_the_database", error=str(error))
            return _UNAVAILABLE_S
        except Exception:
            # One delivery that nobody foresaw must not end the delivering of all others.
            log.exception("webhooks_broke")
            return _UNAVAILABLE_S
        for one in claimed:
            with self._lock:
                self._under_way[one.delivery_id, one.fence] = one
            pool.submit(self._carry, one)
        if claimed:
            self._pause = _LOOK_S
            return 0.0
        self._pause, pause = min(1.5 * self._pause, _LOOK_IDLE_S), self._pause
        return pause

    def _carry(self, claimed: ClaimedDelivery) -> None:
        try:
            self._courier.carry(claimed)
        except StateUnavailable as error:
            # Its lease runs out, and it is delivered once more: at least once is the promise.
            log.warning("webhook_not_recorded", error=str(error))
        except Exception:
            log.exception("webhook_broke", delivery_id=DELIVERY_ID.written(claimed.delivery_id))
        finally:
            with self._lock:
                del self._under_way[claimed.delivery_id, claimed.fence]
            self._came_back.set()

    def _forget(self) -> None:
        if time.monotonic() - self._forgot_at < _FORGET_EVERY_S:
            return
        self._forgot_at = time.monotonic()
        self._queue.forget(datetime.now(UTC) - KEPT_FOR)
