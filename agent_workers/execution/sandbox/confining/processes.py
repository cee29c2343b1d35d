"""Runs a command line once, within bounds of time and output; it is gone when this returns."""

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from selectors import EVENT_READ, EVENT_WRITE
from typing import IO, Final

from agent_workers.execution.sandbox.confining.memory import Watch

_PIECE: Final = 1 << 16
# What is kept of what it said in anger.
_SAID: Final = 1 << 12
# A program may end and leave a pipe open with somebody else: this often we look.
_LOOK_S: Final = 0.05
_WATCH_S: Final = 0.2


class NotStarted(OSError):
    """This machine has no room for another process now; it was given nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How it ended, and what it wrote before."""

    output: bytes
    said: str
    code: int
    timed_out: bool = False
    too_much: bool = False
    too_much_memory: bool = False


@dataclass(slots=True)
class _Running:
    """One process, its pipes, and what has come out of them."""

    process: subprocess.Popen[bytes]
    most: int
    unsent: memoryview
    pipes: selectors.BaseSelector
    output: bytearray = field(default_factory=bytearray)
    said: bytearray = field(default_factory=bytearray)

    def turn(self, wait_s: float) -> None:
        """Move what can be moved now, or wait for who has closed all its pipes."""
        if not self.pipes.get_map():
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(wait_s)
            return
        for key, _ in self.pipes.select(wait_s):
            pipe = key.fileobj
            if pipe is self.process.stdin:
                self._send(self.process.stdin)
            elif pipe is self.process.stdout:
                self._receive(self.process.stdout, self.output, self.most + 1)
            elif pipe is self.process.stderr:
                self._receive(self.process.stderr, self.said, _SAID)

    def _send(self, pipe: IO[bytes]) -> None:
        with suppress(BrokenPipeError):
            sent = os.write(pipe.fileno(), self.unsent[:_PIECE])
            self.unsent = self.unsent[sent:]
            if self.unsent:
                return
        self._close(pipe)

    def _receive(self, pipe: IO[bytes], into: bytearray, most: int) -> None:
        piece = os.read(pipe.fileno(), _PIECE)
        into += piece[: most - len(into)]
        if not piece:
            self._close(pipe)

    def _close(self, pipe: IO[bytes]) -> None:
        self.pipes.unregister(pipe)
        pipe.close()

    def end(self) -> None:
        """End the whole group; read what was left in the pipes."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        while self.pipes.get_map() and self.pipes.select(0) and len(self.output) <= self.most:
            self.turn(0)
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()
        self.pipes.close()


def run_bounded(
    argv: Sequence[str],
    environment: Mapping[str, str],
    *,
    given: bytes,
    most: int,
    wall: timedelta,
    memory: int | None = None,
) -> Ended:
    """Run it, give it `given`, and take at most `most` bytes and `wall` of time.

    `memory` bounds what it and all that it starts use together; who is alone needs no such bound.
    """
    deadline = time.monotonic() + wall.total_seconds()
    try:
        running = _started(argv, environment, given, most)
    except OSError as error:
        raise NotStarted(f"{argv[0]} cannot be started: {error}") from error
    watch = Watch(leader=running.process.pid, most=memory, every_s=_WATCH_S) if memory else None
    timed_out = swollen = False
    try:
        while running.process.poll() is None and len(running.output) <= most:
            left = deadline - time.monotonic()
            timed_out = left <= 0
            swollen = watch is not None and watch.is_over()
            if timed_out or swollen:
                break
            running.turn(min(left, _LOOK_S))
    finally:
        running.end()
    return Ended(
        output=bytes(running.output[:most]),
        said=running.said.decode("utf-8", "replace"),
        code=running.process.returncode,
        timed_out=timed_out,
        too_much=len(running.output) > most,
        too_much_memory=swollen,
    )


def _started(
    argv: Sequence[str], environment: Mapping[str, str], given: bytes, most: int
) -> _Running:
    # First, because who cannot have this must not have a child that nobody ends.
    pipes = selectors.DefaultSelector()
    try:
        process = subprocess.Popen(
            argv,
            env=dict(environment),
            cwd="/",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except BaseException:
        pipes.close()
        raise
    running = _Running(process, most, memoryview(given), pipes)
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    os.set_blocking(process.stdin.fileno(), False)
    running.pipes.register(process.stdin, EVENT_WRITE)
    running.pipes.register(process.stdout, EVENT_READ)
    running.pipes.register(process.stderr, EVENT_READ)
    return running
