"""How the demo tells what happens: titles, progress as it comes in, answers and traces."""

import json
import sys
import time

from agent_workers.client.client import Job
from agent_workers.client.stream import Event

_BOLD, _DIM, _GREEN, _RED, _PLAIN = "\033[1m", "\033[2m", "\033[32m", "\033[31m", "\033[0m"


class Telling:
    def __init__(self) -> None:
        self._coloured = sys.stdout.isatty()
        self._began = time.monotonic()

    def title(self, text: str) -> None:
        print(f"\n{self._styled(_BOLD, text)}", flush=True)
        self._began = time.monotonic()

    def aside(self, text: str) -> None:
        print(f"  {self._styled(_DIM, text)}", flush=True)

    def event(self, event: Event) -> None:
        """Tell one event of the job's journal, with the time since the scene began."""
        shown = {name: event.data[name] for name in _SHOWN if event.data.get(name)}
        words = " ".join(str(value) for value in shown.values())
        passed = time.monotonic() - self._began
        print(f"  {passed:7.3f} s  {event.type:<22} {words}".rstrip(), flush=True)

    def answer(self, job: Job) -> None:
        self.title(f"Answer ({job.status}, workflow {job.raw['workflow']!r})")
        what = job.output if job.status == "succeeded" else job.error
        for line in json.dumps(what, indent=2, ensure_ascii=False).splitlines():
            print(f"  {line}")

    def trace(self, entries: list[dict[str, object]]) -> None:
        self.title("Trace")
        for entry in entries:
            print(f"  {entry}", flush=True)

    def verdict(self, text: str, *, good: bool) -> bool:
        print(f"  {self._styled(_GREEN if good else _RED, text)}", flush=True)
        return good

    def _styled(self, style: str, text: str) -> str:
        return f"{style}{text}{_PLAIN}" if self._coloured else text


# Of what the journal holds, what is worth a word on one line.
_SHOWN = (
    "stage",
    "component",
    "position",
    "kind",
    "tool",
    "for",
    "key",
    "workflow",
    "outcome_type",
    "reason",
    "code",
)
