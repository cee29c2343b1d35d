"""Delivers webhooks: `agent-workers webhooks deliver`, as many processes as one likes."""

import argparse
import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import UUID

import structlog

from agent_workers.domain.errors import AgentWorkersError, StateUnavailable
from agent_workers.domain.ids import DELIVERY_ID
from agent_workers.domain.webhooks.delivery import ClaimedDelivery
from agent_workers.execution.webhooks.send import Sender
from agent_workers.observability.logs import set_up_logs
from agent_workers.observability.programs import run_program
from agent_workers.orchestration.requests.webhooks import Courier
from agent_workers.settings import Settings, load_settings
from agent_workers.state.awaiting import await_database
from agent_workers.state.database.engine import Database
from agent_workers.state.database.schema import migration_order
from agent_workers.state.webhooks.queue import WebhookQueue
from agent_workers.worker.stopping import Stopping

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


# Longer than an attempt can take: only then is its worker known to be lost.
_BEYOND_TIMEOUT_S = 5.0
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def main(arguments: Sequence[str] | None = None) -> int:
    """Read settings and deliver until told to stop."""
    return run_program("webhooks deliver", lambda: _start(load_settings(**_given(arguments))))


def _start(settings: Settings) -> None:
    settings.demand("database_url", "secret_pepper")
    set_up_logs(**settings.logs)
    await_database(
        settings.database_url, patience_s=settings.start_wait_s, schema=migration_order()
    )
    stopping = Stopping()
    for number in _SIGNALS:
        signal.signal(number, lambda *_: stopping.set())
    deliver(settings, stopping)


def deliver(settings: Settings, stopping: Stopping) -> None:
    slots = settings.webhook_slots
    pool = min(settings.db_pool_size, slots + 1)
    database = Database(settings.database_url, pool_size=pool, name="agent_workers webhooks")
    queue = WebhookQueue(
        database,
        each=settings.webhook_target_slots,
        lease=timedelta(seconds=settings.webhook_timeout_s + _BEYOND_TIMEOUT_S),
    )
    courier = Courier(
        queue,
        send=Sender(
            timeout_s=settings.webhook_timeout_s,
            allow_private=settings.allow_private_webhooks,
        ),
        pepper=settings.secret_pepper,
        clock=time.time,
        chance=random.random,
    )
    log.info("webhooks_delivering", slots=slots)
    Round(queue, courier, slots=slots).run(stopping.is_set)
    database.close()


def _given(arguments: Sequence[str] | None) -> dict[str, object]:
    parser = argparse.ArgumentParser(prog="agent-workers webhooks deliver", description=__doc__)
    parser.add_argument("--slots", dest="webhook_slots", type=int, help="deliveries at once")
    given = vars(parser.parse_args(arguments))
    return {name: value for name, value in given.items() if value is not None}


if __name__ == "__main__":
    sys.exit(main())
