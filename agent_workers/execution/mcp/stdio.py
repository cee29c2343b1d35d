"""A server that is a program: started inside a boundary, spoken to line by line, never trusted."""

import os
import select
import selectors
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import IO, Final

from agent_workers.execution.mcp.messages import (
    MOST_BYTES,
    Answered,
    Asked,
    Failed,
    Told,
    notification,
    read,
    reply_to,
    request,
)
from agent_workers.execution.mcp.ports import Left, OnTold, Result
from agent_workers.execution.mcp.troubles import (
    Died,
    Hung,
    TooMuch,
    Trouble,
    TurnedAway,
    Unreachable,
)
from agent_workers.execution.sandbox.confining.memory import Watch


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


_CHUNK: Final = 1 << 16
_LAST_WORDS: Final = 2_000
_END_S: Final = 2.0
_MOST_UNASKED: Final = 10_000
_LOOK_S: Final = 0.5
# What we say of our own accord must not wait for a server that does not listen.
_REPLY_S: Final = 1.0


class Program:
    """A running server. The thread that started it reads from it: the program ends with it."""

    def __init__(
        self,
        argv: Sequence[str],
        environment: Mapping[str, str],
        on_told: OnTold,
        left: Left,
        *,
        memory: int,
    ) -> None:
        """Start it; once it and all that it started use more than `memory`, it is ended."""
        self._on_told = on_told
        self._memory = memory
        self._waiters = Waiters()
        self._writing = threading.Lock()
        self._last_words = b""
        self._unasked = 0
        self._process: subprocess.Popen[bytes] | None = None
        started = threading.Event()
        self._thread = threading.Thread(
            target=self._live, args=(argv, environment, started), name="mcp-server", daemon=True
        )
        self._thread.start()
        started.wait(left())
        if self._waiters.ended is not None:
            raise Unreachable(str(self._waiters.ended))

    @property
    def is_open(self) -> bool:
        return self._waiters.ended is None

    def ask(self, method: str, params: Mapping[str, object], left: Left) -> Result:
        with self._waiters.next() as waiter:
            self._write(request(waiter.number, method, params), left)
            return waiter.wait(left)

    def tell(self, method: str, left: Left) -> None:
        self._write(notification(method), left)

    def agree(self, protocol: str) -> None:
        """Nothing: a program was told once, and remembers."""

    def close(self) -> None:
        """End the program, and whatever it started."""
        self._end(Died("it was closed"))
        self._join()

    def _live(
        self, argv: Sequence[str], environment: Mapping[str, str], started: threading.Event
    ) -> None:
        try:
            process = self._process = subprocess.Popen(
                list(argv),
                env=dict(environment),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            self._waiters.end(Unreachable(f"it cannot be started: {error}"))
            started.set()
            return
        assert process.stdin
        os.set_blocking(process.stdin.fileno(), False)
        started.set()
        with process:
            try:
                self._listen(process)
            except Trouble as trouble:
                self._waiters.end(trouble)
            finally:
                _kill(process)
        self._waiters.end(Died(self._told_death(process.returncode)))

    def _listen(self, process: subprocess.Popen[bytes]) -> None:
        """Read until it ends; a line that is too long is never held as a whole."""
        assert process.stdout
        assert process.stderr
        kept = bytearray()
        watch = Watch(leader=process.pid, most=self._memory, every_s=_LOOK_S)
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            selector.register(process.stderr, selectors.EVENT_READ)
            while self.is_open:
                if watch.is_over():
                    raise Died(f"it used more than {self._memory >> 20} MiB of memory")
                for key, _ in selector.select(timeout=_LOOK_S):
                    chunk = os.read(key.fd, _CHUNK)
                    if not chunk:
                        selector.unregister(key.fileobj)
                    if key.fileobj is process.stderr:
                        self._last_words = (self._last_words + chunk)[-_LAST_WORDS:]
                    elif chunk:
                        self._take(kept, chunk)
                    else:
                        return

    def _take(self, kept: bytearray, chunk: bytes) -> None:
        *lines, rest = chunk.split(b"\n")
        for line in lines:
            kept += line
            if kept.strip():
                self._hear(bytes(kept))
            kept.clear()
        kept += rest
        if len(kept) > MOST_BYTES:
            raise TooMuch(f"it sent a message of more than {MOST_BYTES >> 20} MiB", was_sent=True)

    def _hear(self, line: bytes) -> None:
        self._unasked += 1
        match read(line):
            case Answered() | Failed() as answer:
                if self._waiters.bring(answer):
                    self._unasked = 0
            case Asked() as asked:
                with suppress(Hung):
                    self._write(reply_to(asked), lambda: _REPLY_S)
            case Told(method=method):
                self._on_told(method)
        if self._unasked > _MOST_UNASKED:
            raise TooMuch("it keeps sending messages, and answers no request", was_sent=True)

    def _write(self, message: bytes, left: Left) -> None:
        """Write a line in the time that is left; half a line would spoil all that follow."""
        if self._waiters.ended is not None:
            raise type(self._waiters.ended)(str(self._waiters.ended))
        process = self._process
        if process is None or process.stdin is None:
            raise Hung("it did not start in time")
        if not self._writing.acquire(timeout=max(left(), 0)):
            raise Hung("other calls are still being written to it")
        try:
            self._push(process.stdin, message + b"\n", left)
        finally:
            self._writing.release()

    def _push(self, pipe: IO[bytes], message: bytes, left: Left) -> None:
        rest = memoryview(message)
        while rest:
            try:
                rest = rest[os.write(pipe.fileno(), rest) :]
            except BlockingIOError:
                _, ready, _ = select.select([], [pipe], [], max(left(), 0))
                if not ready:
                    self._end(Hung("it does not read what it is sent", was_sent=True))
                    raise Hung("it does not read what it is sent", was_sent=True) from None
            except (OSError, ValueError):
                # Its end is told by the thread that reads, with its last words.
                self._join()
                trouble = self._waiters.ended or Died("it ended")
                raise type(trouble)(str(trouble), was_sent=True) from None

    def _end(self, trouble: Trouble) -> None:
        self._waiters.end(trouble)
        if self._process is not None:
            _kill(self._process)

    def _join(self) -> None:
        if threading.current_thread() is not self._thread:
            self._thread.join(_END_S)

    def _told_death(self, code: int | None) -> str:
        words = " ".join(self._last_words.decode("utf-8", "replace").split())[-300:]
        return f"it ended with exit code {code}" + (f", and said last: {words}" if words else "")


def _kill(process: subprocess.Popen[bytes]) -> None:
    # It leads a session of its own: helpers that it started end with it. Only the thread that
    # reads waits for it, so until then its number is nobody else's.
    if process.returncode is None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
