"""A background thread that carries things to a server that may be down or hung."""

import os
import threading
import weakref
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Generic, Protocol, TypeVar

import structlog

log = structlog.get_logger(__name__)

Item = TypeVar("Item")
Item_contra = TypeVar("Item_contra", contravariant=True)

BATCH = 500
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0
# While workers cannot keep up, rings are gathered for so long before the queues are asked again.
FULL_PAUSE_S = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """What became of one batch."""

    published: int
    suppressed: int = 0


class Carrier(Protocol[Item_contra]):
    """One connection to the server, used by one thread; after an error it is thrown away."""

    def carry(self, batch: Sequence[Item_contra], /) -> Carried: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PublisherHealth:
    """Counters since the start of this process, and what waits now."""

    published: int
    suppressed: int
    dropped: int
    failures: int
    failures_in_a_row: int
    waiting: int


@dataclass(slots=True)
class _Counters:
    published: int = 0
    suppressed: int = 0
    dropped: int = 0
    failures: int = 0
    failures_in_a_row: int = 0


class _Line(Generic[Item]):
    """The queue, the thread and the closing bell of one process."""

    def __init__(self) -> None:
        self.items: SimpleQueue[Item | None] = SimpleQueue()  # None: look whether we are closing
        self.closing = threading.Event()

    def take(self, *, most: int, wait: bool) -> list[Item]:
        taken: list[Item] = []
        try:
            while len(taken) < most:
                item = self.items.get(block=wait and not taken)
                if item is None:
                    break
                taken.append(item)
        except Empty:
            pass
        return taken


class Publisher(Generic[Item]):
    """Never blocks or fails its caller, drops the oldest when full, backs off while the server is down.

    Its thread and its connection start with the first item, so a process may fork before that;
    a fork after it leaves both to the parent.
    """

    def __init__(
        self, connect: Callable[[], Carrier[Item]], *, name: str, limit: int = 10_000
    ) -> None:
        self._connect = connect
        self._name = name
        self._limit = limit
        self._forget()
        forget = weakref.WeakMethod(self._forget)
        os.register_at_fork(after_in_child=lambda: _call(forget()))

    def put(self, items: Iterable[Item]) -> None:
        line = self._line or self._start()
        if line.closing.is_set():
            return
        for item in items:
            if line.items.qsize() >= self._limit:
                self._drop_oldest(line)
            line.items.put(item)

    def health(self) -> PublisherHealth:
        line, counters = self._line, self._counters
        return PublisherHealth(
            published=counters.published,
            suppressed=counters.suppressed,
            dropped=counters.dropped,
            failures=counters.failures,
            failures_in_a_row=counters.failures_in_a_row,
            waiting=line.items.qsize() if line else 0,
        )

    def close(self, *, within_s: float = 1.0) -> None:
        """Carry what still waits, but for no longer than that; later items are refused silently."""
        line, thread = self._line, self._thread
        if line is None or thread is None:
            return
        line.closing.set()
        line.items.put(None)
        thread.join(within_s)

    def _forget(self) -> None:
        """Begin as a new process does; what a fork inherited belongs to the parent."""
        self._lock = threading.Lock()
        self._line: _Line[Item] | None = None
        self._thread: threading.Thread | None = None
        self._counters = _Counters()

    def _start(self) -> _Line[Item]:
        with self._lock:
            if self._line is None:
                line = _Line[Item]()
                self._thread = threading.Thread(
                    target=self._run, args=(line,), name=self._name, daemon=True
                )
                self._thread.start()
                self._line = line
            return self._line

    def _drop_oldest(self, line: _Line[Item]) -> None:
        try:
            line.items.get_nowait()
        except Empty:
            return
        with self._lock:
            self._counters.dropped += 1

    def _run(self, line: _Line[Item]) -> None:
        carrier: Carrier[Item] | None = None
        held: list[Item] = []
        while held or not (line.closing.is_set() and line.items.empty()):
            held += line.take(most=BATCH - len(held), wait=not held)
            if not held:
                continue
            try:
                carrier = carrier or self._connect()
                carried = carrier.carry(held)
            except Exception as error:  # noqa: BLE001 (whatever a driver raises, this thread must live)
                _close(carrier)
                carrier = None
                if line.closing.is_set():
                    return
                line.closing.wait(self._failed(error))
            else:
                held = []
                self._succeeded(carried, line)
        _close(carrier)

    def _failed(self, error: Exception) -> float:
        """Count it and return how long to wait; a batch may have arrived all the same."""
        counters = self._counters
        if counters.failures_in_a_row == 1:  # the first is most often a connection gone stale
            log.warning("publishing_failed", publisher=self._name, error=repr(error))
        counters.failures += 1
        counters.failures_in_a_row += 1
        return pause_after(counters.failures_in_a_row)

    def _succeeded(self, carried: Carried, line: _Line[Item]) -> None:
        counters = self._counters
        if counters.failures_in_a_row > 1:
            log.info("publishing_again", publisher=self._name)
        counters.failures_in_a_row = 0
        counters.published += carried.published
        counters.suppressed += carried.suppressed
        if carried.suppressed:
            line.closing.wait(FULL_PAUSE_S)


def pause_after(failures_in_a_row: int) -> float:
    """Return the seconds to wait after so many failures: none after the first, then doubling."""
    if failures_in_a_row <= 1:
        return 0.0
    return min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(failures_in_a_row - 2, 16))


def _call(function: Callable[[], None] | None) -> None:
    if function is not None:
        function()


def _close(carrier: Carrier[Item] | None) -> None:
    if carrier is None:
        return
    try:
        carrier.close()
    except Exception as error:  # noqa: BLE001 (it is being thrown away; see above)
        log.debug("closing_failed", error=repr(error))
