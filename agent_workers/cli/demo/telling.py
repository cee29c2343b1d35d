"""How the demo tells what happens: titles, progress as it comes in, answers and traces."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from agent_workers.cli.jobs.events import line_of
from agent_workers.cli.jobs.trace import print_trace
from agent_workers.client.client import Job
from agent_workers.client.stream import Event
from agent_workers.terminal.screening import BOLD, DIM, GREEN, RED, styled
from agent_workers.terminal.times import parsed

_SILENT_S = 5.0


class Telling:
    """Writes to the terminal what the demo does, and what comes of it."""

    def __init__(self, *, silent_s: float = _SILENT_S) -> None:
        self._silent_s = silent_s
        self._said_at = time.monotonic()

    def title(self, text: str) -> None:
        self._said_at = time.monotonic()
        print()
        styled(BOLD, text)

    def aside(self, text: str) -> None:
        styled(DIM, f"  {text}")

    def line(self, text: str) -> None:
        self._said_at = time.monotonic()
        print(f"  {text}", flush=True)

    @contextmanager
    def waiting_for(self, what: str) -> Iterator[None]:
        """Say every few seconds of silence what the demo waits for."""
        self._said_at = time.monotonic()
        over = threading.Event()
        teller = threading.Thread(target=self._tell_waiting, args=(what, over), daemon=True)
        teller.start()
        try:
            yield
        finally:
            over.set()
            teller.join()

    def event(self, event: Event, job: Job) -> None:
        """Tell one event of a job's journal, and when it was."""
        self.line(line_of(event, submitted=_submitted(job)))

    def answer(self, job: Job) -> None:
        self.title(f"Answer ({job.status})")
        what = job.output if job.status == "succeeded" else job.error
        for line in json.dumps(what, indent=2, ensure_ascii=False).splitlines():
            self.line(line)

    def trace(self, entries: list[dict[str, object]]) -> None:
        self.title("Trace: what each stage did")
        print_trace(entries)

    def _tell_waiting(self, what: str, over: threading.Event) -> None:
        told_at = self._said_at
        while not over.wait(max(told_at, self._said_at) + self._silent_s - time.monotonic()):
            silent_s = time.monotonic() - self._said_at
            if silent_s >= self._silent_s:
                told_at = time.monotonic()
                self.aside(f"still waiting for {what} ({silent_s:.0f} s)")

    def verdict(self, text: str, *, good: bool) -> bool:
        styled(GREEN if good else RED, f"  {text}")
        return good


def _submitted(job: Job) -> datetime:
    at = parsed(job.raw["created_at"])
    assert at is not None  # every job has been submitted
    return at
