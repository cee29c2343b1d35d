"""Waits for news of jobs: woken by workers, and by one look per second at all jobs waited for."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import structlog

from agent_workers.domain.errors import StateUnavailable
from agent_workers.domain.ids import TenantId
from agent_workers.state.jobs.reads import Place
from agent_workers.transport.shared.wake import WakeListener, Watch

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 1.0
Versions = Callable[[Sequence[Place]], Awaitable[dict[Place, int]]]


class Waiter:
    """One long-poll or stream; `version` is the newest journal number that it has shown."""

    def __init__(self, watch: Watch, place: Place) -> None:
        self.place = place
        self.version = 0
        self._watch = watch

    def ring(self) -> None:
        self._watch.ring()

    async def wait(self, timeout_s: float) -> bool:
        """Return true when there may be news, false when the time is over."""
        return await self._watch.wait(timeout_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingRoom:
    """How many may wait at once, and how many of them for one tenant's jobs."""

    most: int = 1_024
    most_of_tenant: int = 256


class Waiting:
    """All waiters of this process. A wake-up that is lost costs a second, never the answer."""

    def __init__(
        self,
        listener: WakeListener,
        versions: Versions,
        *,
        look_every_s: float = LOOK_EVERY_S,
        room: WaitingRoom | None = None,
    ) -> None:
        self._listener = listener
        self._versions = versions
        self._look_every_s = look_every_s
        self._room = room or WaitingRoom()
        self._of_tenant: Counter[TenantId] = Counter()
        self._waiters: set[Waiter] = set()
        self._looking: asyncio.Task[None] | None = None
        self.closing = False

    async def start(self) -> None:
        await self._listener.start()
        self._looking = asyncio.create_task(self._look())

    def end_all(self) -> None:
        """Send every waiter home with what it has: this server is about to stop."""
        self.closing = True
        for waiter in self._waiters:
            waiter.ring()

    async def close(self) -> None:
        self.end_all()
        if self._looking is not None:
            self._looking.cancel()
            with suppress(asyncio.CancelledError):
                await self._looking
        await self._listener.close()

    @contextmanager
    def waiter(self, place: Place) -> Iterator[Waiter]:
        with self._listener.watch(place[1].hex) as watch:
            waiter, tenant_id = Waiter(watch, place), place[0]
            self._waiters.add(waiter)
            self._of_tenant[tenant_id] += 1
            try:
                yield waiter
            finally:
                self._waiters.discard(waiter)
                self._of_tenant[tenant_id] -= 1
                if not self._of_tenant[tenant_id]:
                    del self._of_tenant[tenant_id]

    def has_room(self, tenant_id: TenantId) -> bool:
        """Say whether one more may wait; whoever may not is answered at once."""
        return (
            len(self._waiters) < self._room.most
            and self._of_tenant[tenant_id] < self._room.most_of_tenant
        )

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(self._look_every_s)
            places = list({waiter.place for waiter in self._waiters})
            if not places:
                continue
            try:
                versions = await self._versions(places)
            except StateUnavailable as error:
                log.warning("waiting_jobs_unseen", jobs=len(places), error=str(error))
                continue
            for waiter in tuple(self._waiters):
                if versions.get(waiter.place, 0) > waiter.version:
                    waiter.ring()
