"""The processes under trial, as the conductor sees them: started by fork, struck, ended."""

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from agent_workers.proving.process.orders import Lines, Order, Said, Signal, Start, read_said, write
from agent_workers.testing.trying import Trying, write_tryings

_CHUNK = 1 << 16
_READY_S = 60.0
_LAST_WORDS = 2_000


class CrewFailed(Exception):
    """The processes under trial could not be started."""


@dataclass(slots=True, kw_only=True)
class Cast:
    """The workers of one trial, and everything they said so far."""

    crew: "Crew"
    said: "queue.SimpleQueue[Said]" = field(default_factory=queue.SimpleQueue)
    heard: list[Said] = field(default_factory=list)
    alive: set[str] = field(default_factory=set)

    def start(self, order: Start) -> None:
        self.alive.add(order.worker)
        self.crew.start(order, self)

    def listen(self, seconds: float) -> bool:
        """Wait for the next thing that any worker says; false when there was none."""
        try:
            said = self.said.get(timeout=seconds)
        except queue.Empty:
            return False
        self.heard.append(said)
        if said.event == "ended":
            self.alive.discard(said.worker)
        return True

    def has(self, worker: str, *events: str, since: int = 0) -> bool:
        return any(said.worker == worker and said.event in events for said in self.heard[since:])

    def wait_for(self, worker: str, *events: str, seconds: float, since: int = 0) -> bool:
        """Wait until a worker says one of these, after so many words of any worker."""
        until = time.monotonic() + seconds
        while not self.has(worker, *events, since=since):
            left = until - time.monotonic()
            if left <= 0 or not self.listen(left):
                return self.has(worker, *events, since=since)
        return True

    @property
    def struck(self) -> int:
        """How many workers died or froze so far, by whatever hand."""
        return len({one.worker for one in self.heard if one.event == "stopped" or _died(one)})

    def signal(self, worker: str, number: int) -> None:
        self.crew.order(Signal(worker=worker, number=number))

    def end(self) -> None:
        """End them all, and wait until they are gone."""
        for worker in self.alive:
            self.signal(worker, signal.SIGKILL)
        until = time.monotonic() + 10
        while self.alive and time.monotonic() < until:
            self.listen(0.5)


def _died(said: Said) -> bool:
    return said.event == "ended" and said.number != 0


class Crew:
    """One fork-server, and who listens to which worker."""

    def __init__(
        self,
        *,
        tools: str,
        environment: Mapping[str, str],
        log: Path,
        tryings: Sequence[Trying] = (),
    ) -> None:
        command = [sys.executable, "-m", "agent_workers.proving.process.main", "--tools", tools]
        command += ["--trying", write_tryings(tryings)]
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=dict(environment),
                bufsize=0,
            )
        self._casts: dict[str, Cast] = {}
        self._lock = threading.Lock()
        self._spoke = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="crew", daemon=True)
        self._thread.start()

    def start(self, order: Start, cast: Cast) -> None:
        self._casts[order.worker] = cast
        self.order(order)

    def order(self, order: Order) -> None:
        """Tell the fork-server; one that has ended is not told anything."""
        pipe = self._process.stdin
        assert pipe is not None
        written = write(order)
        with self._lock, contextlib.suppress(BrokenPipeError):
            while written:
                written = written[os.write(pipe.fileno(), written) :]

    def wait_ready(self, log: Path) -> None:
        """Wait until everything is imported; what cannot be imported ends it."""
        self._spoke.wait(_READY_S)
        if self._process.poll() is not None or not self._spoke.is_set():
            told = log.read_text(errors="replace")[-_LAST_WORDS:]
            raise CrewFailed(f"the process that runs the tools did not start: {told}")

    def close(self) -> None:
        pipe = self._process.stdin
        assert pipe is not None
        pipe.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._thread.join(10)
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _listen(self) -> None:
        lines, pipe = Lines(), self._process.stdout
        assert pipe is not None
        while chunk := os.read(pipe.fileno(), _CHUNK):
            for line in lines.feed(chunk):
                said = read_said(line)
                self._spoke.set()
                cast = self._casts.get(said.worker)
                if cast is not None:
                    cast.said.put(said)
                if said.event == "ended":
                    self._casts.pop(said.worker, None)
        for worker, cast in list(self._casts.items()):
            cast.said.put(Said(worker=worker, event="ended", number=-1))
        self._spoke.set()


def crew_of(tools: str, log: Path) -> Crew:
    """Start a crew in this environment, without any AGENT_* variable of the user's own."""
    return Crew(tools=tools, environment=plain_environment(), log=log)


def plain_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("AGENT_")}
