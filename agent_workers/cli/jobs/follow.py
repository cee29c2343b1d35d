"""Follows a job to its end: its events as they happen, or in silence but for what it waits for."""

import argparse
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import TextIO

from agent_workers.cli.jobs.events import line_of
from agent_workers.cli.jobs.needs import Need, Seen, needs_of, run
from agent_workers.client.client import Client, Job
from agent_workers.client.errors import ClientError, WaitedInVain
from agent_workers.terminal.printing import print_json
from agent_workers.terminal.times import duration, in_words, parsed

EXIT_CODES = (
    "exit codes: 0 the job succeeded; 1 it failed or was canceled, or the API could not be reached; "
    "2 the command is wrong; 124 --timeout has passed; 130 Ctrl-C (the job goes on)"
)
_TIMED_OUT = 124
# How long to wait in silence before saying what a job waits for.
_SILENT = timedelta(seconds=2)


def add_timeout(parser: argparse.ArgumentParser) -> None:
    words = "stop following after this time; the job goes on"
    parser.add_argument("--timeout", type=duration, metavar="DURATION", help=words)


def seen_now(client: Client, job_id: str) -> Seen:
    """Look at a job with its steps and its doubts."""
    job = client.get(job_id).raw
    in_doubt = job["status"] == "in_doubt"
    doubts = [one for one in client.doubts() if one["job_id"] == job["id"]] if in_doubt else []
    return Seen(job=job, steps=client.steps(job_id), doubts=doubts, now=datetime.now(UTC))


def watch(client: Client, job_id: str, *, timeout: timedelta | None = None) -> int:
    """Print a job's events to its end, and what came of it."""
    return _followed(client, job_id, timeout, by=_print_events)


def wait(client: Client, job_id: str, *, timeout: timedelta | None = None) -> int:
    """Wait for a job's end, print its output, and say meanwhile what it waits for."""
    return _followed(client, job_id, timeout, by=_wait)


def _followed(
    client: Client, job_id: str, timeout: timedelta | None, *, by: Callable[[Client, str], None]
) -> int:
    with _going_on(job_id):
        try:
            with _within(timeout):
                by(client, job_id)
        except _Late as late:
            _Told().tell(needs_of(seen_now(client, job_id)), to=sys.stderr)
            ways = run("jobs", "show", job_id)
            _say(f"{job_id} has not ended within {in_words(late.timeout)}; it goes on: {ways}")
            return _TIMED_OUT
        return ended(client.get(job_id))


class _Late(Exception):
    def __init__(self, timeout: timedelta) -> None:
        super().__init__()
        self.timeout = timeout


@contextmanager
def _within(timeout: timedelta | None) -> Iterator[None]:
    """Raise `_Late` out of whatever is going on when the time is over, as Ctrl-C does."""
    if timeout is None:
        yield
        return

    def ring(*_: object) -> None:
        raise _Late(timeout)

    before = signal.signal(signal.SIGALRM, ring)
    # A timer of 0 would be none.
    signal.setitimer(signal.ITIMER_REAL, max(timeout.total_seconds(), 0.001))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


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


def _wait(client: Client, job_id: str) -> None:
    told = _Told()
    while True:
        with suppress(WaitedInVain):
            client.wait(job_id, timeout=_SILENT)
            return
        told.tell(needs_of(seen_now(client, job_id)), to=sys.stderr)


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
