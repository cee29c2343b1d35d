"""The event loop on which all model calls of a process run at once, for threads that wait for them."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from agent_workers.execution.users_code.running_loop import RunningLoop

T = TypeVar("T")

# A loop that is stuck, or a call that will not be cancelled, must not hold the caller for ever.
_GRACE_S = 1.0


class LoopThread:
    """Runs coroutines for threads that block.

    A loop per call (`asyncio.run`) leaks the connections of each call that was cut.
    """

    def __init__(self) -> None:
        self._loop = RunningLoop("model-calls")

    def run(self, work: Callable[[], Awaitable[T]], *, deadline_s: float) -> T:
        """Wait for `work()` at most `deadline_s` in all, then raise `TimeoutError`."""
        ends_at = time.monotonic() + deadline_s
        future = asyncio.run_coroutine_threadsafe(_cut(work, ends_at), self._loop.get())
        try:
            return future.result(timeout=max(deadline_s, 0) + _GRACE_S)
        except BaseException:  # also a worker's soft time limit: nobody waits for the answer now
            future.cancel()
            raise

    def close(self) -> None:
        """Stop the thread of this process, if there is one."""
        self._loop.close(grace_s=_GRACE_S)


async def _cut(work: Callable[[], Awaitable[T]], ends_at: float) -> T:
    left_s = ends_at - time.monotonic()
    if left_s <= 0:
        raise TimeoutError
    return await asyncio.wait_for(work(), left_s)
