"""Whatever a verdict or a fallback wants after whatever a server did: charged once, as it counts."""

from collections.abc import Iterator
from itertools import product

import pytest

from agent_workers import Effect
from agent_workers.domain.ids import JobId
from agent_workers.domain.step import Lane
from agent_workers.proving.grounds import running_counter
from agent_workers.state.proving.invariants import broken
from agent_workers.testing import counting
from tests.integration.worker import counted_agents as agents
from tests.integration.worker.conftest import LANES, Bench

# Nobody can know: an unsafe charge has no answer, or a keyed one is refused as often as it is tried.
IN_DOUBT = {
    (Effect.KEYED, "lose conflict conflict"),
    (Effect.UNSAFE, "lose"),
    (Effect.UNSAFE, "cancels"),
}
RESTING = {"succeeded", "failed", "canceled", "in_doubt"}
# A class of tools, what the counter does, and what the evaluator says of a failure.
Order = tuple[Effect, str, str]


@pytest.fixture(scope="module")
def counter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_counter(tmp_path_factory.mktemp("counter")) as url:
        yield url


def test_every_order_is_charged_once(bench: Bench, counter: str) -> None:
    jobs = {one: submit(bench, counter, one) for one in wanted()}
    until_at_rest(bench, set(jobs.values()))
    ended = {one: ended_of(bench, counter, one, jobs[one]) for one in jobs}
    assert ended == {one: (1, "in_doubt" if one[:2] in IN_DOUBT else "succeeded") for one in jobs}
    assert broken(bench.database) == []


def wanted() -> Iterator[Order]:
    for effect, scripts in agents.SCRIPTS.items():
        yield from product([effect], scripts, agents.VERDICTS)


def submit(bench: Bench, counter: str, order: Order) -> JobId:
    _, script, verdict = order
    counting.prepare(counter, subject_of(bench, order), script=tuple(script.split()))
    wish = {
        "tool": agents.name_of(*order),
        "counter": counter,
        "order": subject_of(bench, order),
        "verdict": verdict,
    }
    return bench.submit(wish, agent="counted_charges")


def until_at_rest(bench: Bench, jobs: set[JobId]) -> None:
    runtime = bench.runtime(module=agents.__name__, lanes=(*LANES, Lane.EFFECT), slots=1)

    def rest() -> bool:
        busy = {job for job in jobs if bench.status(job) not in RESTING}
        for job in busy:
            bench.deliver(runtime, job, -1)
        return not busy

    bench.until(rest, "some jobs are not at rest", patience_s=60)


def ended_of(bench: Bench, counter: str, order: Order, job: JobId) -> tuple[int, str]:
    return counting.count(counter, subject_of(bench, order)).applied, bench.status(job)


def subject_of(bench: Bench, order: Order) -> str:
    return "-".join((bench.tenant, *order))
