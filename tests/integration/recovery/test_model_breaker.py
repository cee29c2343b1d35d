"""A model that is down for all workers: jobs wait for it behind one probe, and all are answered."""

from pathlib import Path

import pytest

from tests.support.worker_system import System, until

pytestmark = pytest.mark.slow

OF_ONE = "select {} from breakers where name = 'model:scripted/small' and tenant_id <> '*'"
# Each of the two processes hears it four times: five open the breaker, the others are probes.
DOWN = """
scenarios:
  - {when: {purpose: plan}, fault: {kind: overloaded}, latency_ms: 50, times: 4}
  - {when: {purpose: plan}, reply: {text: "here again"}}
"""


def test_fifty_jobs_wait_for_a_model_without_using_up_their_tries(
    failing: System, tmp_path: Path
) -> None:
    script = tmp_path / "down.yaml"
    script.write_text(DOWN)
    failing.variables |= {
        "AGENT_TOOLS": "tests.integration.recovery.model_agents",
        "AGENT_SCENARIO": str(script),
    }
    for number in range(2):
        failing.worker(f"worker-model-{number}")
    jobs = [failing.submit("thinker") for _ in range(50)]
    until(
        lambda: failing.ask(OF_ONE.format("opens")),
        "the breaker opens",
    )
    failing.wait_for(*jobs, patience_s=90)
    tries = [step.tries for job in jobs for step in failing.steps(job) if step.kind == "plan"]
    # The five failures that open it, and what two slow workers tell in a second window of time.
    assert sum(tries) < 10
    assert max(tries) < 4
    waits = "select count(*) from waits where kind = 'breaker' and key = 'model:scripted/small'"
    assert failing.ask(waits) > 0
    assert failing.ask(OF_ONE.format("state")) == "closed"
