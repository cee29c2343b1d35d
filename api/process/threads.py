"""A few threads for what blocks, shared by the tenants: everything but the funnels goes through them."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import ContextVar
from functools import partial
from typing import ParamSpec, TypeVar

from agent_workers.domain.errors import StateUnavailable
from agent_workers.state.database.errand import Errand
from api.problems import Problem
from api.process.places import Holder, Places

P = ParamSpec("P")
T = TypeVar("T")

WAIT_S = 10.0
PATIENCE_S = 15.0
_TELL_EVERY_S = 1.0

# For whom this task of the event loop works.
CALLER: ContextVar[Holder] = ContextVar("caller", default=None)


class Threads:
    """As many threads as places. Work that outlives its request keeps the place of its tenant."""

    def __init__(
        self,
        count: int,
        *,
        wait_s: float = WAIT_S,
        patience_s: float = PATIENCE_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._places: Places[asyncio.Future[None]] = Places(count)
        self._count = count
        self._wait_s = wait_s
        self._patience_s = patience_s
        self._clock = clock
        self._executor = ThreadPoolExecutor(count, thread_name_prefix="api")
        self._telling = ThreadPoolExecutor(1, thread_name_prefix="api ending")
        self._ending: set[asyncio.Task[None]] = set()
        # Work that nobody waits for any more, and since when Postgres knows.
        self._told: dict[Errand[object], float] = {}

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run it in a thread; a database that hangs becomes an error, not a request that hangs."""
        caller = CALLER.get()
        if not self._places.take(caller):
            await self._turn(caller)
        errand = Errand(partial(function, *args, **kwargs))
        running = self._executor.submit(errand)
        try:
            async with asyncio.timeout(self._patience_s):
                return await asyncio.wrap_future(running)
        except TimeoutError as error:
            raise StateUnavailable("the database did not answer in time") from error
        finally:
            if running.done():
                self._leave(caller)
            else:
                ending = asyncio.create_task(self._end(errand, running, caller))
                self._ending.add(ending)
                ending.add_done_callback(self._ending.discard)

    @property
    def hung_s(self) -> float:
        """Say for how long every place has been held by work that was told to end, and goes on."""
        told = tuple(self._told.values())
        return self._clock() - max(told) if len(told) == self._count else 0.0

    def close(self) -> None:
        for ending in self._ending:
            ending.cancel()
        self._executor.shutdown(wait=False, cancel_futures=True)
        self._telling.shutdown(wait=False, cancel_futures=True)

    async def _turn(self, caller: Holder) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if not self._places.wait(caller, turn):
            raise _too_many("Too many requests of this tenant are waiting.")
        try:
            # Unlike `wait_for` it never cancels the turn, which may come at the last moment.
            await asyncio.wait((turn,), timeout=self._wait_s)
        except asyncio.CancelledError:
            if turn.done():
                self._leave(caller)
            else:
                self._places.give_up(caller, turn)
            raise
        if not turn.done():
            self._places.give_up(caller, turn)
            raise _too_many(f"No place was free for this request within {self._wait_s:.0f} s.")

    def _leave(self, caller: Holder) -> None:
        for turn in self._places.leave(caller):
            turn.set_result(None)

    async def _end(self, errand: Errand[object], running: Future[T], caller: Holder) -> None:
        """Tell it to end until it has; for so long it keeps the place of its tenant."""
        ended = asyncio.wrap_future(running)
        ended.add_done_callback(lambda one: one.cancelled() or one.exception())
        loop = asyncio.get_running_loop()
        while not ended.done():
            if await loop.run_in_executor(self._telling, errand.end):
                self._told.setdefault(errand, self._clock())
            await asyncio.wait((ended,), timeout=_TELL_EVERY_S)
        self._told.pop(errand, None)
        self._leave(caller)


def _too_many(detail: str) -> Problem:
    return Problem(code="too_many_requests", detail=detail)
