"""Calls users' code: whatever leaves it is an `Exception`, unless it is meant to end this process."""

import signal
import threading
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import ParamSpec, TypeVar

from agent_workers.domain.errors import Ending, Escaped
from agent_workers.execution.users_code.loop import UsersLoop

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
