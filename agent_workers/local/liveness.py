"""Finds programs that run and answer no more, and ends them, so that they are started again."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from agent_workers.local.child import Child
from agent_workers.local.surroundings import is_live

LOOK_EVERY_S = 5.0
# With the time that a look itself may take, most of a minute.
MISSES = 6
# More than a look at a frozen program takes.
_ANSWER_S = 5.0
# What a program may take to end by itself; a frozen one does not hear of it.
GRACE_S = 5.0


@dataclass(slots=True, kw_only=True)
class Hearing:
    """Decides that a process hangs: it has answered, and then did not, look after look.

    Who has not answered yet is not judged: a machine on which nothing starts in time is slow, and
    starting things again makes it slower. Neither is anybody after a look that was late itself.
    """

    late_s: float
    misses_allowed: int = MISSES
    _pid: int | None = None
    _misses: int | None = None
    _looked_at: float = 0.0

    def hangs(self, *, pid: int, answered: bool, now: float) -> bool:
        late, self._looked_at = now - self._looked_at > self.late_s, now
        if pid != self._pid:
            self._pid, self._misses = pid, None
        if answered:
            self._misses = 0
        elif self._misses is not None:
            self._misses = 0 if late else self._misses + 1
        return (self._misses or 0) >= self.misses_allowed


class Liveness:
    """Asks programs in a thread of its own: an answer may be long in coming."""

    def __init__(self, *, say: Callable[[str], None], look_every_s: float = LOOK_EVERY_S) -> None:
        self._say = say
        self._look_every_s = look_every_s
        self._asked: Mapping[Child, Hearing] = {}
        self._stopping = threading.Event()
        self._asking = threading.Thread(target=self._ask, name="liveness", daemon=True)

    def start(self) -> None:
        self._asking.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._asking.is_alive():
            self._asking.join()

    def watch(self, child: Child) -> None:
        # Replaced, not changed: the thread may be walking through it.
        hearing = Hearing(late_s=2 * self._look_every_s + _ANSWER_S)
        self._asked = {**self._asked, child: hearing}

    def _ask(self) -> None:
        while not self._stopping.wait(self._look_every_s):
            for child, hearing in self._asked.items():
                pid = child.pid
                if pid is None or not child.runs:
                    continue
                answered = is_live(child.program.live_url)
                if hearing.hangs(pid=pid, answered=answered, now=time.monotonic()):
                    self._end(child, pid)

    def _end(self, child: Child, pid: int) -> None:
        self._say(f"{child.program.name} runs but does not answer; ending it")
        child.ask_to_end()
        deadline = time.monotonic() + GRACE_S
        while child.runs and child.pid == pid and time.monotonic() < deadline:
            if self._stopping.wait(0.05):
                return
        if child.pid == pid:
            child.kill()
