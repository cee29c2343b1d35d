"""Whatever a verdict or a fallback wants after whatever a server did: charged once, as it counts."""

from collections.abc import Iterator

import pytest

from agent_workers import Effect
from agent_workers.cli.prove.grounds import running_counter
from agent_workers.domain.ids import JobId
from agent_workers.domain.step import Lane
from agent_workers.state.invariants import broken
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
Ended = tuple[int, str]


@pytest.fixture(scope="module")
def counter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_counter(tmp_path_factory.mktemp("counter")) as url:
        yield url


@pytest.mark.parametrize("effect", agents.SCRIPTS, ids=lambda effect: effect.value)
def test_every_order_is_charged_once(bench: Bench, counter: str, effect: Effect) -> None:
    wanted = [(script, verdict) for script in agents.SCRIPTS[effect] for verdict in agents.VERDICTS]
    jobs = {one: submit(bench, counter, effect, *one) for one in wanted}
    until_at_rest(bench, set(jobs.values()))
    ended = {one: ended_of(bench, counter, jobs[one], effect, *one) for one in wanted}
    assert ended == {
        (script, verdict): (1, "in_doubt" if (effect, script) in IN_DOUBT else "succeeded")
        for script, verdict in wanted
    }
    assert broken(bench.database) == []


def submit(bench: Bench, counter: str, effect: Effect, script: str, verdict: str) -> JobId:
    order = order_of(bench, effect, script, verdict)
    counting.prepare(counter, order, script=tuple(script.split()))
    wish = {
        "tool": agents.name_of(effect, script, verdict),
        "counter": counter,
        "order": order,
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


def ended_of(
    bench: Bench, counter: str, job: JobId, effect: Effect, script: str, verdict: str
) -> Ended:
    counted = counting.count(counter, order_of(bench, effect, script, verdict))
    return counted.applied, bench.status(job)


def order_of(bench: Bench, effect: Effect, script: str, verdict: str) -> str:
    return f"{bench.tenant}-{effect.value}-{script}-{verdict}"
