"""A charge whose reply is lost and whose repeat is refused happens once, whatever a verdict wants."""

import pytest

from agent_workers.state.proving.invariants import broken
from tests.integration.worker import charging_agents as agents
from tests.integration.worker.conftest import Bench


@pytest.mark.parametrize("verdict", ["retry", "replan", "escalate"])
def test_no_verdict_and_no_fallback_charges_under_another_key(bench: Bench, verdict: str) -> None:
    order = f"{bench.tenant}-{verdict}"
    runtime = bench.runtime(module=agents.__name__)
    job = bench.submit({"order": order, "verdict": verdict}, agent="charging")
    bench.until_done(job, runtime)
    assert len(agents.CHARGED[order]) == 1
    says = "select array_agg(says order by attempt) from permits p join effects e"
    assert bench.ask(
        f"{says} using (tenant_id, effect_key) where job_id = %s and state = 'done'", job
    ) == [(["unknown", "not_executed", "happened"],)]
    assert bench.output(job) == "done"
    assert broken(bench.database) == []
