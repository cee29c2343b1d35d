"""How the demo tells what happens: titles, progress as it comes in, answers and traces."""

import json
import time

from agent_workers.cli.terminal import styled
from agent_workers.client.client import Job
from agent_workers.client.stream import Event

_BOLD, _DIM, _GREEN, _RED = "1", "2", "32", "31"


class Telling:
    def __init__(self) -> None:
        self._began = time.monotonic()

    def title(self, text: str) -> None:
        print()
        styled(_BOLD, text)
        self._began = time.monotonic()

    def aside(self, text: str) -> None:
        styled(_DIM, f"  {text}")

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
        styled(_GREEN if good else _RED, f"  {text}")
        return good


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
