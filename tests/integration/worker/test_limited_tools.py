"""Tools with a bound on their calls, and tools whose results serve again, under several workers."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import pytest

from agent_workers.domain.ids import JobId
from agent_workers.worker.runtime import Runtime
from tests.integration.worker import limited_agents
from tests.integration.worker.conftest import Bench

MODULE = "tests.integration.worker.limited_agents"
_PARKED = (
    "select count(*) from waits where kind = 'place' and answered_at is null and tenant_id = %s"
)


@pytest.fixture(autouse=True)
def _fresh_tools() -> None:
    limited_agents.LET_GO.clear()
    limited_agents.CALLED.clear()


@contextmanager
def worked_on(bench: Bench, jobs: list[JobId], runtimes: list[Runtime]) -> Iterator[None]:
    """Let as many threads as there are jobs do whatever is due, until the jobs have ended."""
    pairs = [(job, runtimes[n % len(runtimes)]) for n, job in enumerate(jobs)]
    threads = [threading.Thread(target=bench.until_done, args=pair) for pair in pairs]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        limited_agents.LET_GO.set()
        for thread in threads:
            thread.join(30)


@pytest.mark.parametrize(("tool", "most"), [("read_slowly", 2), ("pay_slowly", 1)])
def test_no_more_calls_at_once_than_the_tool_allows_and_who_waits_burns_nothing(
    bench: Bench, tool: str, most: int
) -> None:
    runtimes = [bench.runtime(module=MODULE) for _ in range(2)]
    names = [uuid4().hex for _ in range(4)]
    jobs = [bench.submit({"uses": [[tool, {"name": name}]]}, agent="limited") for name in names]
    with worked_on(bench, jobs, runtimes):
        bench.until(lambda: limited_agents.at_once() == most, "all places are taken")
        waiting = len(jobs) - most
        bench.until(lambda: bench.ask(_PARKED, bench.tenant) == [(waiting,)], "the others wait")
        assert limited_agents.at_once() == most
    assert [bench.output(job) for job in jobs] == [[name] for name in names]
    beside = {called.split()[-1] for called in limited_agents.CALLED}
    assert beside <= {str(n) for n in range(most)}
    assert len(limited_agents.CALLED) == len(jobs)
    assert bench.ask("select sum(tries) from steps where tenant_id = %s", bench.tenant) == [(0,)]
    assert bench.ask("select count(*) from permits where tenant_id = %s", bench.tenant) == [
        (len(jobs) if tool == "pay_slowly" else 0,)
    ]


def test_of_equal_calls_one_is_made_and_the_journal_says_which_were_not(bench: Bench) -> None:
    runtimes = [bench.runtime(module=MODULE) for _ in range(2)]
    name = uuid4().hex
    jobs = [bench.submit({"uses": [["look", {"name": name}]]}, agent="limited") for _ in range(4)]
    for number, job in enumerate(jobs):
        bench.until_done(job, runtimes[number % 2])
    assert [bench.output(job) for job in jobs] == [[f"saw {name}"]] * 4
    assert list(limited_agents.CALLED) == [name]
    told = bench.ask(
        "select count(*) from journal where tenant_id = %s"
        " and convert_from(data, 'UTF8')::jsonb ? 'cached_at'",
        bench.tenant,
    )
    assert told == [(3,)]
