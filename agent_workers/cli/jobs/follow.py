"""Follows a job to its end: its events as they happen, or in silence but for what it waits for."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import TextIO

from agent_workers.cli.jobs.events import line_of
from agent_workers.cli.jobs.needs import Need, Seen, needs_of, run
from agent_workers.cli.printing import print_json
from agent_workers.cli.times import in_words, parsed
from agent_workers.client.client import Client, Job
from agent_workers.client.errors import ClientError, WaitedInVain

EXIT_CODES = (
    "exit codes: 0 the job succeeded; 1 it failed or was canceled, or the API could not be reached; "
    "2 the command is wrong; 124 --timeout has passed; 130 Ctrl-C (the job goes on)"
)
_TIMED_OUT = 124
# How long to wait in silence before saying what a job waits for.
_SILENT = timedelta(seconds=2)


def seen_now(client: Client, job_id: str) -> Seen:
    """Look at a job with its steps and its doubts."""
    job = client.get(job_id).raw
    in_doubt = job["status"] == "in_doubt"
    doubts = [one for one in client.doubts() if one["job_id"] == job["id"]] if in_doubt else []
    return Seen(job=job, steps=client.steps(job_id), doubts=doubts, now=datetime.now(UTC))


def watch(client: Client, job_id: str) -> int:
    """Print a job's events to its end, and what came of it."""
    with _going_on(job_id):
        _print_events(client, job_id)
        return ended(client.get(job_id))


def wait(client: Client, job_id: str, *, timeout: timedelta | None) -> int:
    """Wait for a job's end, print its output, and say meanwhile what it waits for."""
    with _going_on(job_id):
        return _waited(client, job_id, timeout)


def _print_events(client: Client, job_id: str) -> None:
    submitted = parsed(client.get(job_id).raw["created_at"])
    assert submitted is not None  # every job has been submitted
    over = threading.Event()
    teller = threading.Thread(target=_tell_meanwhile, args=(client, job_id, over), daemon=True)
    teller.start()
    try:
        for event in client.events(job_id):
            print(line_of(event, submitted=submitted), flush=True)
    finally:
        over.set()
        teller.join(timeout=1)


def _tell_meanwhile(client: Client, job_id: str, over: threading.Event) -> None:
    """Say what a job waits for while its journal is silent."""
    told = _Told()
    while not over.wait(_SILENT.total_seconds()):
        with suppress(ClientError):
            told.tell(needs_of(seen_now(client, job_id)), to=sys.stdout)
    client.close()


def _waited(client: Client, job_id: str, timeout: timedelta | None) -> int:
    end = None if timeout is None else time.monotonic() + timeout.total_seconds()
    told = _Told()
    while True:
        left = _SILENT if end is None else timedelta(seconds=max(0.0, end - time.monotonic()))
        with suppress(WaitedInVain):
            return ended(client.wait(job_id, timeout=min(left, _SILENT)))
        told.tell(needs_of(seen_now(client, job_id)), to=sys.stderr)
        if end is not None and time.monotonic() >= end:
            ways = run("jobs", "show", job_id)
            _say(
                f"{job_id} has not ended within {in_words(timeout or _SILENT)}; it goes on: {ways}"
            )
            return _TIMED_OUT


def ended(job: Job) -> int:
    """Print what came of it; a job that did not succeed is a command that failed."""
    for words in job.degraded:
        _say(f"degraded: {words}")
    if job.status == "succeeded":
        print_json(job.output)
        return 0
    error = job.error
    _say(f"{job.id} {job.status}" + (f": {error['code']}: {error['message']}" if error else ""))
    where = ((error or {}).get("cause") or {}).get("where")
    if where:
        _say(f"  at {where}")
    _say(f"more: {run('jobs', 'show', job.id)}")
    return 1


class _Told:
    """Says what a job waits for, and says it again only once it is something else."""

    def __init__(self) -> None:
        self._last: list[str] = []

    def tell(self, needs: list[Need], *, to: TextIO) -> None:
        # How long it has waited changes all the time.
        what = [" ".join(need.commands) or need.text.partition(",")[0] for need in needs]
        if what == self._last:
            return
        self._last = what
        for need in needs:
            print(f"waiting for {need.text}", file=to)
            for command in need.commands:
                print(f"  {command}", file=to)
        to.flush()


@contextmanager
def _going_on(job_id: str) -> Iterator[None]:
    """Ctrl-C ends the looking and not the job."""
    try:
        yield
    except KeyboardInterrupt:
        _say(f"\n{job_id} goes on; follow it with: {run('jobs', 'watch', job_id)}")
        raise


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)
