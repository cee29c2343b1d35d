"""One server of this process: opened when it is first needed, kept, and begun again after trouble."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import timedelta
from typing import Final

from agent_workers.domain.mcp.servers import McpServer
from agent_workers.execution.mcp.ports import Left, OpenLink
from agent_workers.execution.mcp.session import News, Session
from agent_workers.execution.mcp.troubles import Died, Hung, Trouble, TurnedAway, Unreachable

# A start goes on when the call that wanted it has given up: the next one finds it done.
_START: Final = timedelta(seconds=60)


def until(within: timedelta) -> Left:
    """Return what says how many seconds are left of a time that begins now."""
    end = time.monotonic() + within.total_seconds()
    return lambda: max(0.0, end - time.monotonic())


class Kept:
    def __init__(self, server: McpServer, open_link: OpenLink) -> None:
        self.server = server
        self._open_link = open_link
        self._lock = threading.Lock()
        self._opening: Future[Session] | None = None
        self._users: dict[Session, int] = {}
        self._is_closed = False
        self.used_at = time.monotonic()

    @contextmanager
    def use(self, left: Left) -> Iterator[Session]:
        """Lend the session; after trouble nobody new gets it, and the last who has it ends it."""
        session = self._opened(left)
        with self._lock:
            self.used_at = time.monotonic()
            self._users[session] = self._users.get(session, 0) + 1
        try:
            yield session
        except TurnedAway:
            raise
        except Trouble:
            self._retire(session)
            raise
        finally:
            self._give_back(session)

    def close(self) -> None:
        """Lend no more; who is in the middle of a call may end it."""
        with self._lock:
            self._is_closed = True
            opening, self._opening = self._opening, None
        if opening is not None:
            opening.add_done_callback(self._close_unused)

    def is_idle(self, since: float) -> bool:
        with self._lock:
            return not self._users and self.used_at < since

    def _opened(self, left: Left) -> Session:
        with self._lock:
            if self._is_closed:
                raise Unreachable("it was closed meanwhile")
            opening = self._opening
            if opening is None or _is_over(opening):
                opening = self._opening = Future()
                threading.Thread(
                    target=self._begin, args=(opening,), name="mcp-start", daemon=True
                ).start()
        try:
            return opening.result(timeout=left())
        except TimeoutError:
            raise Hung("it has not started yet") from None

    def _begin(self, opening: "Future[Session]") -> None:
        left = until(_START)
        try:
            opening.set_result(begun(self.server, self._open_link, left))
        except Trouble as trouble:
            opening.set_exception(trouble)
        except Exception as error:  # noqa: BLE001 (who waits must not wait for ever)
            opening.set_exception(Died(f"{type(error).__name__}: {error}"))

    def _retire(self, session: Session) -> None:
        with self._lock:
            opening = self._opening
            if opening is not None and opening.done() and not opening.exception():
                self._opening = None if opening.result() is session else opening

    def _give_back(self, session: Session) -> None:
        with self._lock:
            self._users[session] -= 1
            if self._users[session]:
                return
            del self._users[session]
            opening = self._opening
        is_current = opening is not None and opening.done() and not opening.exception()
        if opening is None or not is_current or opening.result() is not session:
            session.close()

    def _close_unused(self, opening: "Future[Session]") -> None:
        if opening.exception() is None:
            with self._lock:
                is_used = opening.result() in self._users
            if not is_used:
                opening.result().close()


def begun(server: McpServer, open_link: OpenLink, left: Left) -> Session:
    """Begin a session, or leave nothing behind; raises `Trouble`."""
    news = News()
    link = open_link(server, news, left)
    try:
        return Session(link, news, left)
    except BaseException:
        link.close()
        raise


def _is_over(opening: "Future[Session]") -> bool:
    if not opening.done():
        return False
    return opening.exception() is not None or not opening.result().is_open
