"""The processes of one release go on while the next release's migrations run, and after them."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from threading import Event, Thread
from urllib.parse import urlsplit

import pytest

from agent_workers.client.errors import ClientError
from agent_workers.state.database.engine import connect
from tests.acceptance.systems import Up, up, wait_until
from tests.support.releases import following, migrate, previous
from tests.support.schema import dumped

pytestmark = pytest.mark.slow
_BOOK = "book.txt"
_AGENT = """
from pathlib import Path
from agent_workers import Agent, Answer, Effect, Plan, Use, tool

@tool(effect=Effect.UNSAFE)
def write_down(number: str) -> str:
    with Path({book!r}).open("a") as file:
        file.write(number + "\\n")
    return number

writing = Agent(
    name="writing",
    tools=[write_down],
    plan=lambda s: Plan([Use("write_down", {{"number": s.text}})]),
    evaluate=lambda _: Answer("written"),
)
"""
# A request may wait for as long as a migration waits for its lock, and be repeated then.
_LONGEST_ANSWER_S = 10.0


@dataclass(slots=True, kw_only=True)
class Traffic:
    """Jobs that are submitted one after the other, and questions that the API is asked meanwhile."""

    system: Up
    jobs: list[str] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    slowest_s: float = 0.0

    def more(self, jobs: int) -> None:
        wanted = len(self.jobs) + jobs
        wait_until(lambda: len(self.jobs) >= wanted or bool(self.troubles), "jobs are submitted")

    def submit(self, over: Event) -> None:
        with self.system.client() as client:
            while not over.wait(0.02):
                number = str(len(self.jobs))
                try:
                    job = client.submit("writing", number, idempotency_key=number)
                except ClientError as error:
                    self.troubles.append(repr(error))
                    return
                self.jobs.append(job.id)

    def ask(self, over: Event) -> None:
        place = urlsplit(self.system.surroundings["AGENT_API_URL"]).netloc
        key = (self.system.folder / "api_key").read_text()
        while not over.wait(0.05):
            began = time.monotonic()
            connection = HTTPConnection(place, timeout=_LONGEST_ANSWER_S)
            try:
                connection.request("GET", "/v1/jobs", headers={"authorization": f"Bearer {key}"})
                status = connection.getresponse().status
                if status != 200:
                    self.troubles.append(f"GET /v1/jobs is answered with {status}")
            except (OSError, HTTPException) as error:
                self.troubles.append(repr(error))
            finally:
                connection.close()
            self.slowest_s = max(self.slowest_s, time.monotonic() - began)


@contextmanager
def traffic(system: Up) -> Iterator[Traffic]:
    sent, over = Traffic(system=system), Event()
    threads = [Thread(target=one, args=(over,)) for one in (sent.submit, sent.ask)]
    for thread in threads:
        thread.start()
    try:
        yield sent
    finally:
        over.set()
        for thread in threads:
            thread.join()


@dataclass(slots=True, kw_only=True)
class Told:
    """What there was to see, in the order in which it happened."""

    before: str
    refused: subprocess.CompletedProcess[str]
    after_refusal: str
    moved: subprocess.CompletedProcess[str]
    after: str
    sent: Traffic
    ended: dict[str, int]
    written: Counter[str]
    began_by: set[str | None]
    index_is_valid: bool


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="two releases "))
    made.chmod(0o711)
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture(scope="module")
def told(folder: Path, cwd: Path) -> Iterator[Told]:
    """Have the previous release do jobs, and the next release migrate its database meanwhile."""
    programs = previous(folder)
    release = following(folder / "next")
    (cwd / "writing.py").write_text(_AGENT.format(book=str(cwd / _BOOK)))
    with up(cwd, "--tools", "writing", command=[str(programs / "agent-workers")]) as system:
        wait_until(lambda: system.is_ready, "workers that have the agent")
        url = system.surroundings["AGENT_DIRECT_DATABASE_URL"]
        yield run_both(system, url, release)


def run_both(system: Up, url: str, release: Path) -> Told:
    with traffic(system) as sent:
        sent.more(10)
        before = dumped(url)
        with reading_jobs(url):
            refused = migrate(release, cwd=system.cwd)
        after_refusal = dumped(url)
        moved = migrate(release, cwd=system.cwd)
        sent.more(20)
        restart_worker(system)
        sent.more(20)
    with connect(url, name="test") as connection:
        asked = "select count(*) from jobs where finished_at is null"
        wait_until(lambda: connection.execute(asked).fetchone() == (0,), "every job has ended")
        ended = connection.execute("select status, count(*) from jobs group by status").fetchall()
        began_by = connection.execute("select distinct started_by from jobs").fetchall()
        valid = connection.execute(
            "select indisvalid from pg_index where indexrelid = 'jobs_started_by_idx'::regclass"
        ).fetchone()
    return Told(
        before=before,
        refused=refused,
        after_refusal=after_refusal,
        moved=moved,
        after=dumped(url),
        sent=sent,
        ended=dict(ended),
        written=Counter((system.cwd / _BOOK).read_text().split()),
        began_by={row[0] for row in began_by},
        index_is_valid=valid == (True,),
    )


@contextmanager
def reading_jobs(url: str) -> Iterator[None]:
    """Read the table in a transaction that stays open, as a backup does for hours."""
    with connect(url, name="test") as other, other.transaction():
        other.execute("set local idle_in_transaction_session_timeout = 0")
        other.execute("select 1 from jobs limit 1")
        yield


def restart_worker(system: Up) -> None:
    """Kill the worker that calls no tools with effects: its supervisor starts it again."""
    killed = system.pid_of("worker-model")
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: system.pid_of("worker-model") != killed, "the worker is started again")


def test_a_migration_that_gets_no_lock_fails_and_changes_nothing(told: Told) -> None:
    assert told.refused.returncode == 1
    assert "waited 5 s for a lock and gave up, so it changed nothing" in told.refused.stderr
    assert "Traceback" not in told.refused.stderr
    assert told.after_refusal == told.before


def test_it_succeeds_when_it_is_run_again(told: Told) -> None:
    assert told.moved.returncode == 0, told.moved.stderr
    assert "started_by text" in told.after
    assert told.index_is_valid


def test_the_api_of_the_previous_release_answers_all_the_while(told: Told) -> None:
    assert told.sent.troubles == []
    assert told.sent.slowest_s < _LONGEST_ANSWER_S


def test_no_job_is_lost_and_each_effect_happens_once(told: Told) -> None:
    assert told.ended == {"succeeded": len(told.sent.jobs)}
    assert told.written == dict.fromkeys(map(str, range(len(told.sent.jobs))), 1)


def test_workers_of_the_previous_release_fill_the_new_column(told: Told) -> None:
    assert None in told.began_by, "some jobs began before there was the column"
    assert len(told.began_by) > 1
