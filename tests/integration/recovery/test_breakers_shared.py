"""Breakers under real workers: what is down is probed by one, and costs the others nothing."""

import time

import pytest

from agent_workers.domain.ids import JobId
from tests.integration.recovery.conftest import is_kept_off
from tests.integration.recovery.outage import Outage
from tests.support.worker_system import Program, System, until

pytestmark = pytest.mark.slow

LOOK = "tool:look"


def state(system: System, name: str = LOOK) -> object:
    return system.ask("select state from breakers where name = %s and tenant_id <> '*'", name)


def opens_of(system: System, name: str) -> int:
    of_one = "select opens from breakers where name = %s and tenant_id <> '*'"
    opens: int = system.ask(of_one, name)
    return opens


def parked(system: System, name: str = LOOK) -> int:
    count: int = system.ask(
        "select count(*) from waits join steps using (tenant_id, job_id, position)"
        " where waits.kind = 'breaker' and key = %s and answered_at is null"
        " and steps.status = 'ready'",
        name,
    )
    return count


def tries(system: System) -> tuple[int, int]:
    """How many attempts the tool steps have used up, and how many the journals tell of."""
    used, told = system.ask(
        # In one glance: more attempts are made meanwhile.
        "select array[(select coalesce(sum(tries), 0) from steps where kind = 'tool'),"
        " (select count(*) from journal join jobs using (tenant_id, job_id)"
        " where type = 'retrying' and convert_from(data, 'UTF8')::jsonb ->> 'kind' = 'tool')]"
    )
    return int(used), int(told)


def fifty(system: System, outage: Outage, *tools: str) -> list[JobId]:
    return [system.submit("calling", url=outage.url, tools=list(tools)) for _ in range(50)]


@pytest.mark.parametrize("tool", ["look", "pay"])
def test_fifty_jobs_wait_out_an_outage_behind_one_probe_at_a_time(
    failing: System, outage: Outage, tool: str
) -> None:
    name, before = f"tool:{tool}", tries(failing)
    for number in range(3):
        failing.worker(f"worker-{tool}-{number}")
    jobs = fifty(failing, outage, tool)
    until(lambda: state(failing, name) == "open", "the breaker opens")
    until(lambda: parked(failing, name) >= 49, "all but a probe are parked")
    calm = time.monotonic()
    opens = opens_of(failing, name)
    until(
        lambda: opens_of(failing, name) >= opens + 2,
        "two probes have failed",
    )
    assert outage.overlapping(since=calm) == 1
    used, told = tries(failing)
    assert used - before[0] == told - before[1]
    asked = len(outage.asked)
    assert used - before[0] <= asked < 50
    outage.down = False
    failing.wait_for(*jobs)
    assert len(outage.served(f"/{tool}")) == 50
    assert len(set(outage.keys(f"/{tool}"))) == 50
    assert state(failing, name) == "closed"
    assert parked(failing, name) == 0


def test_a_probe_that_is_killed_gives_its_place_to_another_worker(
    failing: System, outage: Outage
) -> None:
    workers = [failing.worker(f"worker-{number}") for number in range(2)]
    jobs = fifty(failing, outage, "look")[:50]
    until(lambda: parked(failing) >= 49, "all are parked")
    outage.hangs = True
    until(lambda: outage.held, "a probe hangs")
    [prober] = [one for one in workers if one.owns(outage.held[0])]
    prober.kill()
    killed_at = time.monotonic()
    until(lambda: set(outage.held) - {prober.pid}, "another worker probes")
    assert time.monotonic() - killed_at < 20  # and not the 40 s that a probe may hold its place
    outage.down = outage.hangs = False
    outage.let_go.set()
    failing.wait_for(*jobs, patience_s=60)


def test_an_operator_turns_a_tool_off_and_on(failing: System, outage: Outage) -> None:
    outage.down = False
    failing.worker("worker-operated")
    assert breakers(failing, "open", LOOK, "--reason", "maintenance").process.wait(30) == 0
    until(lambda: is_kept_off(failing, outage), "the worker has heard of it")
    asked = len(outage.asked)
    jobs = [failing.submit("calling", url=outage.url, tools=["look"]) for _ in range(3)]
    until(lambda: parked(failing) == 4, "they wait")
    time.sleep(3)  # longer than a breaker that opened by itself stays open
    assert len(outage.asked) == asked
    assert breakers(failing, "close", LOOK).process.wait(30) == 0
    failing.wait_for(*jobs)


def test_a_canceled_job_leaves_nobody_waiting_at_its_breaker(
    failing: System, outage: Outage
) -> None:
    outage.down = False
    failing.worker("worker-canceled")
    breakers(failing, "open", LOOK).process.wait(30)
    until(lambda: is_kept_off(failing, outage), "a job waits")
    assert parked(failing) == 1
    failing.end_all_jobs()
    breakers(failing, "close", LOOK).process.wait(30)
    until(
        lambda: failing.ask("select count(*) from waits where answered_at is null") == 0,
        "its wait is over",
    )
    assert failing.ask("select count(*) from jobs where status = 'canceled'") >= 1


def breakers(system: System, *words: str) -> Program:
    return system.start(f"cli-{words[0]}", "agent_workers.cli.main", "breakers", *words)
