"""Who waits for the answer to which request, on one link."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from agent_workers.execution.mcp.messages import Answered, Failed
from agent_workers.execution.mcp.ports import Left, Result
from agent_workers.execution.mcp.troubles import Hung, Trouble, TurnedAway


@dataclass(slots=True)
class Waiter:
    """One request; its answer comes once, whoever brings it first."""

    number: int
    came: threading.Event = field(default_factory=threading.Event)
    answer: Answered | Failed | Trouble | None = None

    def wait(self, left: Left) -> Result:
        """Return the result; raises `Trouble`."""
        if not self.came.wait(left()):
            raise Hung("it did not answer in time", was_sent=True)
        match self.answer:
            case Answered(result=result):
                return result
            case Failed(error=error, message=message):
                raise TurnedAway(error, message)
            case Trouble() as trouble:
                # A copy of our own: several threads may raise it.
                raise type(trouble)(str(trouble), was_sent=True)
            case None:
                raise Hung("its answer was lost", was_sent=True)


class Waiters:
    """Answers to numbers that nobody waits for are dropped, and cost nothing."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[int, Waiter] = {}
        self._next = 0
        self.ended: Trouble | None = None

    @contextmanager
    def next(self) -> Iterator[Waiter]:
        """Give a request its number."""
        with self._lock:
            self._next += 1
            waiter = self._waiting[self._next] = Waiter(self._next)
        try:
            yield waiter
        finally:
            with self._lock:
                self._waiting.pop(waiter.number, None)

    def bring(self, answer: Answered | Failed) -> bool:
        """Hand an answer to who waits for it; say whether anybody did."""
        with self._lock:
            waiter = None if answer.number is None else self._waiting.pop(answer.number, None)
        if waiter is None:
            return False
        waiter.answer = answer
        waiter.came.set()
        return True

    def end(self, trouble: Trouble) -> None:
        """Nothing will come any more, for anybody; the first reason is the one that counts."""
        with self._lock:
            self.ended = self.ended or trouble
            left, self._waiting = list(self._waiting.values()), {}
        for waiter in left:
            waiter.answer = self.ended
            waiter.came.set()
