"""Attempts that fail, hang, or are forgotten: each is made again, or ends in the known way."""

import threading
from uuid import uuid4

import pytest

from agent_workers.state.steps.claims import Claims
from tests.integration.worker import agents
from tests.integration.worker.conftest import Bench


@pytest.fixture(autouse=True)
def _fresh_tools() -> None:
    agents.ENTERED.clear()
    agents.LET_GO.clear()
    agents.FAILURES.clear()


def test_a_failing_tool_is_tried_again_with_patience(bench: Bench) -> None:
    runtime, job = bench.runtime(), bench.submit({"uses": [["flaky", {"failures": 2}]]})
    bench.until_done(job, runtime)
    assert bench.output(job) == [{"tool": "flaky", "type": "tool_ran", "value": "worked after 2"}]
    assert bench.ask(
        "select count(*) from journal where job_id = %s and type = 'retrying'", job
    ) == [(2,)]


def test_a_tool_that_goes_on_failing_is_data_for_the_evaluator(bench: Bench) -> None:
    bench.ask_nothing("delete from breakers")  # with the failures of other tests it would open
    runtime, job = bench.runtime(), bench.submit({"uses": [["flaky", {"failures": 9}]]})
    bench.until_done(job, runtime)
    result = bench.output(job)
    assert isinstance(result, list)
    assert result[0]["value"]["code"] == "connection"
    assert len(agents.FAILURES) == 3


def test_a_step_over_its_time_is_done_again_while_its_thread_hangs_on(bench: Bench) -> None:
    runtime, job = bench.runtime(), bench.submit({"uses": [["hang", {}]]})
    stuck = threading.Thread(target=bench.deliver, args=(runtime, job), daemon=True)
    stuck.start()
    assert agents.ENTERED.wait(10)
    bench.until_done(job, runtime)
    assert bench.output(job) == [{"tool": "hang", "type": "tool_ran", "value": "came back"}]
    agents.LET_GO.set()
    stuck.join(10)
    assert bench.ask("select fence from steps where job_id = %s and kind = 'tool'", job) == [(2,)]


def test_a_claim_whose_reply_was_lost_is_given_back(bench: Bench) -> None:
    runtime = bench.runtime()
    job = bench.submit({"uses": [["echo", {"value": 1}]]})
    rows = bench.ask("select worker_id from workers order by locked_at desc limit 1")
    claims = Claims(bench.database, rows[0][0])  # type: ignore[arg-type]
    assert claims.named(bench.tenant, job, 0) is not None  # and nobody does it
    bench.until(
        lambda: bench.ask("select status from steps where job_id = %s", job) == [("ready",)],
        "the step was not given back",
    )
    bench.deliver(runtime, job)
    assert bench.status(job) == "succeeded"


def test_statements_of_a_transactional_tool_stand_or_fall_with_the_record(bench: Bench) -> None:
    bench.ask_nothing("create table if not exists notes (name text primary key, key text)")
    name = uuid4().hex
    runtime = bench.runtime()
    first = bench.submit({"uses": [["write", {"name": name}]]})
    bench.deliver(runtime, first)
    assert bench.ask("select count(*) from notes where name = %s", name) == [(1,)]
    second = bench.submit({"uses": [["write", {"name": name}]]})
    bench.deliver(runtime, second)
    result = bench.output(second)
    assert isinstance(result, list)
    assert result[0]["value"]["code"] == "statement_refused"


def test_a_worker_that_stops_hands_the_job_back_at_the_next_step(bench: Bench) -> None:
    first = bench.runtime()
    job = bench.submit({"uses": [["echo", {"value": 1}]], "plan_waits": True})
    working = threading.Thread(target=bench.deliver, args=(first, job))
    working.start()
    assert agents.ENTERED.wait(10)
    first.stopping.set()
    agents.LET_GO.set()
    working.join(10)
    assert bench.ask("select kind, status from steps where job_id = %s order by position", job)[
        -1
    ] == ("tool", "ready")
    bench.until_done(job, bench.runtime())
    assert bench.status(job) == "succeeded"
