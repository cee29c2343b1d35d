"""How the demo tells what happens: titles, progress as it comes in, answers and traces."""

import json
from datetime import datetime

from agent_workers.cli.jobs.events import line_of
from agent_workers.cli.jobs.trace import print_trace
from agent_workers.cli.terminal import BOLD, DIM, GREEN, RED, styled
from agent_workers.cli.times import parsed
from agent_workers.client.client import Job
from agent_workers.client.stream import Event


class Telling:
    """Writes to the terminal what the demo does, and what comes of it."""

    def title(self, text: str) -> None:
        print()
        styled(BOLD, text)

    def aside(self, text: str) -> None:
        styled(DIM, f"  {text}")

    def line(self, text: str) -> None:
        print(f"  {text}", flush=True)

    def event(self, event: Event, job: Job) -> None:
        """Tell one event of a job's journal, and when it was."""
        self.line(line_of(event, submitted=_submitted(job)))

    def answer(self, job: Job) -> None:
        self.title(f"Answer ({job.status})")
        what = job.output if job.status == "succeeded" else job.error
        for line in json.dumps(what, indent=2, ensure_ascii=False).splitlines():
            self.line(line)

    def trace(self, entries: list[dict[str, object]]) -> None:
        self.title("Its way through the layers")
        print_trace(entries)

    def verdict(self, text: str, *, good: bool) -> bool:
        styled(GREEN if good else RED, f"  {text}")
        return good


def _submitted(job: Job) -> datetime:
    at = parsed(job.raw["created_at"])
    assert at is not None  # every job has been submitted
    return at
