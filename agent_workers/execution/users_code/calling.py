"""Calls users' code, coroutines on a loop of their own: nothing leaves it but an `Exception`."""

import asyncio
import signal
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import timedelta
from typing import Generic, ParamSpec, TypeVar

from agent_workers.domain.errors import Ending, Escaped, OverTime
from agent_workers.execution.users_code.running_loop import RunningLoop

T = TypeVar("T")

# So long a cancelled coroutine may tidy up, and a loop be kept from answering.
_GRACE_S = 1.0


@dataclass(frozen=True, slots=True)
class _Gave(Generic[T]):
    value: T


@dataclass(frozen=True, slots=True)
class _Raised:
    error: BaseException


class UsersLoop:
    """Awaits what users' functions return; clients that they keep (httpx, asyncpg) outlive a call.

    Model calls have a loop of their own: a coroutine that blocks this one does not hold them up.
    """

    def __init__(self, *, grace_s: float = _GRACE_S) -> None:
        self._loop = RunningLoop("users-coroutines")
        self._grace_s = grace_s

    def run(self, work: Awaitable[T], within: timedelta | None) -> T:
        """Wait until it has ended; one that is over its time is cancelled, and waited for as well.

        Whoever does not end then holds this thread, as a function does that does not return.
        """
        loop = self._loop.get()
        future = asyncio.run_coroutine_threadsafe(_outcome(work, within), loop)
        try:
            came = self._waited(future, loop, within)
        except BaseException:  # as a worker's time limit: nobody waits for the coroutine now
            future.cancel()
            raise
        if isinstance(came, _Gave):
            return came.value
        if isinstance(came.error, Exception):
            raise came.error
        raise Escaped(f"{type(came.error).__name__}: {came.error}") from came.error

    def close(self) -> None:
        """Cancel what still runs, and stop the thread of this process, if there is one."""
        self._loop.close(grace_s=self._grace_s)

    def _waited(
        self,
        future: Future[_Gave[T] | _Raised],
        loop: asyncio.AbstractEventLoop,
        within: timedelta | None,
    ) -> _Gave[T] | _Raised:
        if within is not None:
            try:
                return future.result(timeout=within.total_seconds() + self._grace_s)
            except TimeoutError:
                self._look_at(loop)
        return future.result()

    def _look_at(self, loop: asyncio.AbstractEventLoop) -> None:
        """See whether the loop still turns; coroutines to come must not wait for one that blocks it."""
        turned = threading.Event()
        loop.call_soon_threadsafe(turned.set)
        if not turned.wait(self._grace_s):
            self._loop.leave(loop)


async def _outcome(work: Awaitable[T], within: timedelta | None) -> _Gave[T] | _Raised:
    """Await it; nothing is raised here, since `SystemExit` and its like would end the loop."""
    scope = asyncio.timeout(None if within is None else within.total_seconds())
    try:
        async with scope:
            return _Gave(await work)
    except TimeoutError as error:
        if scope.expired():
            seconds = within.total_seconds() if within is not None else 0
            told = (
                f"not done within {seconds:g} s, and cancelled; raise its timeout if it needs more"
            )
            return _Raised(OverTime(told))
        return _Raised(error)
    except BaseException as error:  # noqa: BLE001  # see above
        return _Raised(error)


Given = ParamSpec("Given")
Gives = TypeVar("Gives")


# One per process, however many parts of it call users' code: clients that users keep between calls
# belong to the loop that they were made on.
_LOOP = UsersLoop()


def call_users(
    function: Callable[Given, Gives], *args: Given.args, **kwargs: Given.kwargs
) -> Gives:
    """Call what users wrote.

    `CancelledError`, `sys.exit` and their like would pass by all that counts failures, and end the
    worker that only called them.
    """
    try:
        return function(*args, **kwargs)
    except Exception:
        raise
    except BaseException as error:
        if _ends_us(error):
            raise
        raise Escaped(f"{type(error).__name__}: {error}") from error


def call_within(
    within: timedelta | None,
    function: Callable[Given, Gives | Awaitable[Gives]],
    *args: Given.args,
    **kwargs: Given.kwargs,
) -> Gives:
    """Call a tool, look-up, planner, evaluator or check; what it returns to be awaited is awaited.

    `within`: how long that may take. None: somebody else ends it.
    """
    gave = call_users(function, *args, **kwargs)
    if isinstance(gave, Awaitable):
        awaited: Gives = call_users(_LOOP.run, gave, within)
        return awaited
    return gave


def end_coroutines() -> None:
    """Cancel what users' coroutines still do, as this process ends."""
    _LOOP.close()


def _ends_us(error: BaseException) -> bool:
    if isinstance(error, SystemExit):
        # Celery ends a worker by kinds of its own; `sys.exit` raises the plain one.
        return type(error) is not SystemExit
    if isinstance(error, KeyboardInterrupt):
        return _can_be_a_key()
    return isinstance(error, Ending)


def _can_be_a_key() -> bool:
    """Say whether Ctrl-C could have raised it here: workers handle that signal in their own way."""
    is_main = threading.current_thread() is threading.main_thread()
    return is_main and signal.getsignal(signal.SIGINT) is signal.default_int_handler
