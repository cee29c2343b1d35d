"""Work that one thread does for another, and that the other can end when nobody waits for it any more."""

import threading
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

import psycopg

from agent_workers.domain.errors import StateUnavailable

Result_co = TypeVar("Result_co", covariant=True)

_TELLING_TAKES_S = 1.0


class Session(Protocol):
    """A connection, as far as an errand knows it."""

    def cancel_safe(self, *, timeout: float) -> None: ...


class _OfThread(threading.local):
    errand: "Errand[object] | None" = None


_HERE = _OfThread()


class Errand(Generic[Result_co]):
    """Once it is ended it gets no connection any more, and none that it has is used again."""

    def __init__(self, call: Callable[[], Result_co]) -> None:
        self._call = call
        self._lock = threading.Lock()
        self._sessions: list[Session] = []
        self._is_ended = False

    def __call__(self) -> Result_co:
        _HERE.errand = self
        try:
            return self._call()
        finally:
            _HERE.errand = None

    def take(self, session: Session) -> None:
        with self._lock:
            self._sessions.append(session)
            if self._is_ended:
                raise StateUnavailable("nobody waits for this any more")

    def give_back(self, session: Session) -> bool:
        with self._lock:
            self._sessions.remove(session)
            return not self._is_ended

    def end(self) -> bool:
        """Cancel what it does in the database; false when the server cannot be told.

        A cancel that comes between two statements does nothing, so this may be called again.
        """
        with self._lock:
            self._is_ended = True
            sessions = tuple(self._sessions)
        try:
            for session in sessions:
                session.cancel_safe(timeout=_TELLING_TAKES_S)
        except psycopg.Error:
            return False
        return True


def taken(session: Session) -> None:
    """Note that this thread uses a connection from here on, if it is on an errand."""
    if _HERE.errand is not None:
        _HERE.errand.take(session)


def given_back(session: Session) -> bool:
    """Note that it uses it no more; false when nobody may: a cancel may still reach it."""
    return _HERE.errand is None or _HERE.errand.give_back(session)
