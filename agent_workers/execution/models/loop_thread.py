"""One event loop on one thread per process, where all model calls of that process run at once."""

import asyncio
import os
import threading
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

# A loop that is stuck, or a call that will not be cancelled, must not hold the caller for ever.
_GRACE_S = 1.0


class LoopThread:
    """Runs coroutines for threads that block; started by the first call, anew after a fork.

    A loop per call (`asyncio.run`) leaks the connections of each call that was cut.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._pid = 0

    def run(self, work: Callable[[], Awaitable[T]], *, deadline_s: float) -> T:
        """Wait for `work()` at most `deadline_s` in all, then raise `TimeoutError`."""
        ends_at = time.monotonic() + deadline_s
        future = asyncio.run_coroutine_threadsafe(_cut(work, ends_at), self._running_loop())
        try:
            return future.result(timeout=max(deadline_s, 0) + _GRACE_S)
        except BaseException:  # also a worker's soft time limit: nobody waits for the answer now
            future.cancel()
            raise

    def close(self) -> None:
        """Stop the thread of this process, if there is one."""
        with self._lock:
            if self._loop is None or self._thread is None or self._pid != os.getpid():
                return
            ended = asyncio.run_coroutine_threadsafe(_end_all(), self._loop)
            ended.result(timeout=_GRACE_S)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()
            self._loop = None

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            # A forked child inherits the loop object but not the thread that ran it.
            if self._loop is None or self._pid != os.getpid():
                self._loop = asyncio.new_event_loop()
                self._pid = os.getpid()
                self._thread = threading.Thread(
                    target=self._loop.run_forever, name="model-calls", daemon=True
                )
                self._thread.start()
            return self._loop


async def _cut(work: Callable[[], Awaitable[T]], ends_at: float) -> T:
    left_s = ends_at - time.monotonic()
    if left_s <= 0:
        raise TimeoutError
    return await asyncio.wait_for(work(), left_s)


async def _end_all() -> None:
    """Cancel what litellm left running on the loop, its logging worker among it."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
