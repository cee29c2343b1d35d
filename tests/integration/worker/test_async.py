"""Functions that are `async def`, in a worker: what is over its time is cancelled, and tried again."""

import pytest

from agent_workers.domain.step import Lane
from agent_workers.state.proving.invariants import broken
from agent_workers.worker.runtime import Runtime
from tests.integration.worker import async_agents as agents
from tests.integration.worker.conftest import LANES, Bench

SAYS = """
select says from permits join effects using (tenant_id, effect_key)
 where job_id = %s order by attempt"""


@pytest.fixture
def runtime(bench: Bench) -> Runtime:
    return bench.runtime(module=agents.__name__, lanes=(*LANES, Lane.EFFECT), slots=2)


def test_a_pure_tool_is_cancelled_in_time_and_called_again(bench: Bench, runtime: Runtime) -> None:
    order = f"{bench.tenant}-look"
    job = bench.submit({"tool": "look", "arguments": {"order": order}}, agent="waiting")
    bench.until_done(job, runtime)
    assert (bench.output(job), agents.CANCELLED[order]) == ([bench.tenant], 1)


def test_a_keyed_effect_that_was_cancelled_goes_on_with_its_key(
    bench: Bench, runtime: Runtime
) -> None:
    order = f"{bench.tenant}-charge"
    job = bench.submit({"tool": "charge", "arguments": {"order": order}}, agent="waiting")
    bench.until_done(job, runtime)
    assert bench.output(job) == ["charged"]
    assert (len(agents.KEYS[order]), agents.CANCELLED[order]) == (1, 1)
    assert bench.ask(SAYS, job) == [("unknown",), ("happened",)]
    assert broken(bench.database) == []
