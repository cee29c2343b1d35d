"""An event loop on a thread of its own, for callers that block: begun by the first who needs it."""

import asyncio
import os
import threading
from contextlib import suppress


class RunningLoop:
    """One loop per process; a forked child, which has no threads of its parent's, begins another."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._pid = 0

    def get(self) -> asyncio.AbstractEventLoop:
        """Return the loop of this process, which runs."""
        with self._lock:
            # A forked child inherits the loop object but not the thread that ran it.
            if self._loop is None or self._pid != os.getpid():
                self._loop = asyncio.new_event_loop()
                self._pid = os.getpid()
                self._thread = threading.Thread(
                    target=self._loop.run_forever, name=self._name, daemon=True
                )
                self._thread.start()
            return self._loop

    def leave(self, loop: asyncio.AbstractEventLoop) -> None:
        """Give up a loop that does not answer: whoever needs one next gets another."""
        with self._lock:
            if self._loop is loop:
                self._loop = None

    def close(self, *, grace_s: float) -> None:
        """Cancel what still runs, and stop the thread of this process, if there is one."""
        with self._lock:
            if self._loop is None or self._thread is None or self._pid != os.getpid():
                return
            loop, self._loop = self._loop, None
            ended = asyncio.run_coroutine_threadsafe(_end_all(), loop)
            with suppress(TimeoutError):  # whoever blocks it ends with the process
                ended.result(timeout=grace_s)
                loop.call_soon_threadsafe(loop.stop)
                self._thread.join()
                loop.close()


async def _end_all() -> None:
    """Cancel what was left running on the loop, such as litellm's logging worker."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
