"""A job of thousands of steps: the last ones cost what the first did, also past a change of workers."""

import statistics
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from agent_workers.domain.ids import JobId
from agent_workers.embedded.redis import EmbeddedRedis
from agent_workers.state.database.engine import Database
from tests.integration.surviving.test_engaging import AGENTS
from tests.support.worker_system import System, system, until

# A round is a plan, a tool, and a verdict.
ROUND = 3
# What grows with the job would show up as ten times.
MOST_GROWTH = 3.0
PATIENCE_S = 300.0


@pytest.fixture
def running(database: Database, redis_server: EmbeddedRedis, tmp_path: Path) -> Iterator[System]:
    with system(database, redis_server.url, tmp_path, AGENT_TOOLS=AGENTS) as started:
        yield started
        started.end_all_jobs()


@pytest.mark.parametrize(
    "steps", [2_000, pytest.param(10_000, marks=pytest.mark.slow)], ids=["2000", "10000"]
)
def test_the_last_steps_of_a_long_job_cost_what_the_first_did(running: System, steps: int) -> None:
    old = running.worker("old")
    rounds = steps // ROUND + 1
    job = running.submit("looper", max_steps=steps + 10, rounds=rounds)
    until(lambda: running.job(job).next_position > steps // 2, "half is done", PATIENCE_S)
    running.worker("new")
    assert old.end() == 0
    running.wait_for(job, patience_s=PATIENCE_S)
    assert running.job(job).next_position == rounds * ROUND
    assert running.ask("select max(fence) from steps where job_id = %s", job) <= ROUND
    first, last = pace(running, job, steps // 10)
    print(f"{steps} steps: {first:.2f} ms a step at first, {last:.2f} ms at last")  # noqa: T201
    assert last < MOST_GROWTH * first


def pace(running: System, job: JobId, few: int) -> tuple[float, float]:
    """The time from the end of a step to that of the next, of the first and the last few.

    Of the quickest tenth: now and then other tests have the machine, and not all the time.
    """
    ends = running.ask(
        "select array_agg(extract(epoch from done_at)::float8 * 1000 order by position)"
        " from steps where job_id = %s",
        job,
    )
    gaps = [after - before for before, after in pairwise(ends)]
    first, last = (statistics.quantiles(some, n=10)[0] for some in (gaps[:few], gaps[-few:]))
    return first, last
