"""A worker told to end records what it is doing, hands the rest back, and is missed by nobody."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from agent_workers.domain.ids import JobId
from tests.support.worker_system import PATIENCE_S, Program, System, until

pytestmark = pytest.mark.slow


def ask(worker: Program) -> None:
    os.kill(worker.pid, signal.SIGTERM)


def ask_the_whole_group(worker: Program) -> None:
    """As supervisors and service managers do that know nothing of children."""
    os.killpg(worker.pid, signal.SIGTERM)


def ask_at_once(worker: Program) -> None:
    os.kill(worker.pid, signal.SIGQUIT)


@pytest.fixture
def pair(running: System, request: pytest.FixtureRequest) -> Iterator[list[Program]]:
    workers = [running.worker(name, pool=request.param) for name in ("first", "second")]
    until(lambda: all_are_known(running, workers), "both are known")
    yield workers
    for worker in workers:
        if worker.is_alive:
            worker.kill()


@pytest.mark.parametrize(
    ("pair", "end"),
    [
        ("threads", ask),
        ("prefork", ask),
        ("prefork", ask_the_whole_group),
        ("prefork", ask_at_once),
    ],
    indirect=["pair"],
)
def test_a_job_in_the_middle_goes_on_elsewhere_at_once(
    running: System, pair: list[Program], end: Callable[[Program], None]
) -> None:
    job = running.submit(seconds=0.6, rounds=4)
    pid = running.held(job)
    leaving = next(worker for worker in pair if worker.owns(pid))
    staying = next(worker for worker in pair if worker is not leaving)
    end(leaving)
    assert leaving.process.wait(PATIENCE_S) == 0
    assert all(staying.owns(pid) for pid in running.worker_pids())
    running.wait_for(job)
    steps = running.steps(job)
    assert len(steps) == 12
    assert {(step.fence, step.tries, step.deaths) for step in steps} == {(1, 0, 0)}
    assert longest_wait(running, job) < timedelta(seconds=5)  # a lease is two minutes


@pytest.mark.parametrize("pair", ["prefork"], indirect=True)
def test_a_backlog_keeps_nobody_from_ending(running: System, pair: list[Program]) -> None:
    for _ in range(30):
        running.submit(seconds=0.2, rounds=50)
    until(lambda: count(running, "claimed") == 4, "every child is busy")
    began = time.monotonic()
    for worker in pair:
        ask(worker)
    assert [worker.process.wait(PATIENCE_S) for worker in pair] == [0, 0]
    assert time.monotonic() - began < 15  # the backlog would take them minutes
    assert count(running, "claimed") == 0
    assert running.worker_pids() == set()
    assert running.ask("select max(deaths) from steps") == 0


def all_are_known(running: System, workers: list[Program]) -> bool:
    known = running.worker_pids()
    return all(any(worker.owns(pid) for pid in known) for worker in workers)


def longest_wait(running: System, job: JobId) -> timedelta:
    """The longest time that a step of this job lay there before somebody came for it."""
    longest: timedelta = running.ask(
        "select max(b.claimed_at - a.done_at) from steps a"
        " join steps b on b.job_id = a.job_id and b.position = a.position + 1"
        " where a.job_id = %s",
        job,
    )
    return longest


def count(running: System, status: str) -> int:
    return int(running.ask("select count(*) from steps where status = %s", status))
