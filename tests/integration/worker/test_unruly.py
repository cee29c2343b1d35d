"""Attempts that end in ways nobody foresaw: they count, they end, and no effect is forgotten."""

import threading
from datetime import timedelta
from uuid import uuid4

import pytest

from agent_workers.domain.effect import EffectClass, EffectRules, PermitMode
from agent_workers.domain.ids import JobId, WorkerId, effect_key
from agent_workers.domain.step import Lane
from agent_workers.state.steps.claims import Claims
from agent_workers.state.steps.permits import Permits
from tests.integration.worker import unruly_agents as agents
from tests.integration.worker.conftest import Bench

UNRULY = agents.__name__


@pytest.fixture(autouse=True)
def _fresh_tools() -> None:
    agents.ENTERED.clear()
    agents.LET_GO.clear()


def test_a_tool_that_exits_has_failed(bench: Bench) -> None:
    runtime, job = bench.runtime(module=UNRULY), bench.submit([["leave", {}]])
    bench.until_done(job, runtime)
    told = {"code": "exception", "message": "SystemExit: 3"}
    assert bench.output(job) == [["tool_failed", told]]


def test_a_statement_that_deadlocks_every_time_is_given_up(bench: Bench) -> None:
    runtime, job = bench.runtime(module=UNRULY), bench.submit([["deadlocked", {}]])
    bench.until_done(job, runtime)
    assert str(bench.output(job)).startswith("[['tool_failed', {'code': 'statement_failed'")


def test_an_evaluator_sees_every_result_of_its_round(bench: Bench) -> None:
    uses = [["number", {"value": value}] for value in range(60)]
    runtime, job = bench.runtime(module=UNRULY), bench.submit(uses)
    bench.until_done(job, runtime)
    assert bench.output(job) == [["tool_ran", value] for value in range(60)]


def test_a_keyed_effect_over_its_time_has_not_failed_while_nobody_knows(bench: Bench) -> None:
    runtime, job = bench.runtime(module=UNRULY), bench.submit([["pay", {}]])
    slow = threading.Thread(target=bench.deliver, args=(runtime, job), daemon=True)
    slow.start()
    assert agents.ENTERED.wait(10)
    tries = "select tries from steps where job_id = %s and kind = 'tool'"
    bench.until(lambda: bench.ask(tries, job) == [(1,)], "the attempt was not ended")
    agents.LET_GO.set()
    bench.until_done(job, runtime)
    slow.join(10)
    assert bench.output(job) == [["tool_ran", "paid"]]


def test_a_worker_without_the_tool_does_not_end_what_another_may_have_done(bench: Bench) -> None:
    able, job = bench.runtime(module=UNRULY), bench.submit([["pay", {}]])
    bench.deliver(bench.runtime(module=UNRULY, lanes=(Lane.PLAN,)), job)
    _act_and_forget(bench, job)
    bench.ask("update steps set tries = 9 where job_id = %s and position = 1 returning 1", job)
    bench.deliver(bench.runtime(), job, 1)
    step = "select status, tries from steps where job_id = %s and position = 1"
    assert bench.ask(step, job) == [("ready", 10)]
    bench.ask(
        "update steps set due_at = created_at where job_id = %s and position = 1 returning 1", job
    )
    bench.deliver(able, job, 1)
    # Its key lives: whoever has the tool goes on with it.
    modes = (
        "select mode from permits p join effects e using (tenant_id, effect_key) where job_id = %s"
    )
    assert bench.ask(f"{modes} order by attempt", job) == [("first",), ("same_key",)]


def _act_and_forget(bench: Bench, job: JobId) -> None:
    """Take a permit as some worker would, and give the step back as if it had died."""
    worker = WorkerId(uuid4())
    claimed = Claims(bench.database, worker).named(bench.tenant, job, 1)
    assert claimed is not None
    permits, key = Permits(bench.database, worker), effect_key(claimed.root_id, 1)
    rules = EffectRules(
        cls=EffectClass.KEYED, timeout=timedelta(seconds=1), key_ttl=timedelta(hours=1)
    )
    with permits.transaction() as connection:
        permits.ask(connection, claimed, key, claimed.arguments)
        permits.grant(connection, claimed, key, PermitMode.FIRST, 1, rules)
    place = (bench.tenant, job, claimed.position, claimed.fence)
    assert bench.ask("select stand_down(%s, %s, %s, %s)", *place) == [("ready",)]
