"""Answers together what was asked at the same time: one thread, one statement, many callers."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

from agent_workers.domain.errors import StateUnavailable

Ask = TypeVar("Ask")
Answer = TypeVar("Answer")

MOST = 64
PATIENCE_S = 15.0


class Funnel(Generic[Ask, Answer]):
    """What comes in while the database answers one batch becomes the next: nobody waits for a timer."""

    def __init__(
        self,
        answer: Callable[[Sequence[Ask]], Sequence[Answer | Exception]],
        *,
        name: str,
        most: int = MOST,
    ) -> None:
        self._answer = answer
        self._most = most
        self._asked: SimpleQueue[tuple[Ask, asyncio.Future[Answer]] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    def close(self, *, within_s: float = 5.0) -> None:
        """Answer what was asked before, then end."""
        self._asked.put(None)
        if self._thread.is_alive():
            self._thread.join(within_s)

    async def ask(self, ask: Ask) -> Answer:
        assert self._loop is not None
        future: asyncio.Future[Answer] = self._loop.create_future()
        self._asked.put((ask, future))
        patience = self._loop.call_later(PATIENCE_S, _give_up, future)
        try:
            return await future
        finally:
            patience.cancel()

    def _run(self) -> None:
        while True:
            batch, closing = self._take()
            if batch:
                self._settle(batch)
            if closing:
                return

    def _take(self) -> tuple[list[tuple[Ask, asyncio.Future[Answer]]], bool]:
        batch = []
        try:
            item = self._asked.get()
            while item is not None:
                batch.append(item)
                if len(batch) == self._most:
                    return batch, False
                item = self._asked.get_nowait()
        except Empty:
            return batch, False
        return batch, True

    def _settle(self, batch: list[tuple[Ask, asyncio.Future[Answer]]]) -> None:
        assert self._loop is not None
        answers: Sequence[Answer | Exception]
        try:
            answers = self._answer([ask for ask, _ in batch])
        except Exception as error:  # noqa: BLE001 (it is raised again in each caller)
            answers = [error] * len(batch)
        futures = [future for _, future in batch]
        try:
            self._loop.call_soon_threadsafe(_resolve, futures, answers)
        except RuntimeError:
            return  # the loop is closed: nobody waits any more


def _resolve(
    futures: Sequence[asyncio.Future[Answer]], answers: Sequence[Answer | Exception]
) -> None:
    for future, answer in zip(futures, answers, strict=True):
        if future.done():
            continue
        if isinstance(answer, Exception):
            future.set_exception(answer)
        else:
            future.set_result(answer)


def _give_up(future: asyncio.Future[Answer]) -> None:
    if not future.done():
        future.set_exception(StateUnavailable("the database did not answer in time"))
