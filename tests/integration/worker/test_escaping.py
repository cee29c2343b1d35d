"""A tool that is canceled after it acted: its effect is not repeated, and its worker goes on."""

from agent_workers.domain.ids import JobId
from agent_workers.domain.step import Lane
from agent_workers.state.proving.invariants import broken
from agent_workers.worker.runtime import Runtime
from tests.integration.worker import escaping_agents as agents
from tests.integration.worker.conftest import LANES, Bench


def test_an_unsafe_effect_is_in_doubt_and_the_worker_does_the_next_job(bench: Bench) -> None:
    runtime = opened(bench)
    job = submit(bench, "charge", order=f"{bench.tenant}-unsafe")
    bench.until(lambda: came_to_doubt(bench, runtime, job), "there is no doubt")
    assert agents.CHARGED[f"{bench.tenant}-unsafe"] == 1
    reasons = "select doubt_reason from effects where job_id = %s"
    assert bench.ask(reasons, job) == [
        ("Attempt 1 raised CancelledError; nobody knows whether it took effect",)
    ]
    following = submit(bench, "look")
    bench.until_done(following, runtime)
    assert bench.output(following) == ["seen"]
    assert broken(bench.database) == []


def test_a_keyed_effect_goes_on_with_its_key(bench: Bench) -> None:
    runtime = opened(bench)
    job = submit(bench, "charge_once", order=f"{bench.tenant}-keyed")
    bench.until_done(job, runtime)
    assert bench.output(job) == ["charged"]
    assert len(agents.KEYS[f"{bench.tenant}-keyed"]) == 1
    says = "select says from permits join effects using (tenant_id, effect_key) where job_id = %s"
    assert bench.ask(f"{says} order by attempt", job) == [("unknown",), ("happened",)]


def opened(bench: Bench) -> Runtime:
    return bench.runtime(module=agents.__name__, lanes=(*LANES, Lane.EFFECT), slots=1)


def submit(bench: Bench, name: str, **arguments: object) -> JobId:
    return bench.submit({"tool": name, "arguments": arguments}, agent="escaping")


def came_to_doubt(bench: Bench, runtime: Runtime, job: JobId) -> bool:
    bench.deliver(runtime, job, -1)
    return bench.status(job) == "in_doubt"
