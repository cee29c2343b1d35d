"""A model that delegates, hands over and asks: by tools it is shown, within its job's budget."""

import json

import pytest

from agent_workers.execution.agents.registry import load
from agent_workers.state.catalogue.agents import Agents
from agent_workers.state.jobs.messages import Mail
from agent_workers.worker.parts.registering import registered
from agent_workers.worker.runtime import Runtime
from tests.integration.worker.conftest import Bench

MODULE = "tests.integration.worker.delegating_agents"
SUM = 'use add {"left": 2, "right": 40}'
# micro-USD
HOLD, ALLOWANCE = 10_000, 100_000


@pytest.fixture
def runtime(bench: Bench) -> Runtime:
    Agents(bench.database).register(registered(load([MODULE])))
    return bench.runtime(module=MODULE)


def wish(tool: str, **arguments: object) -> str:
    return f"use {tool} {json.dumps(arguments)}"


@pytest.mark.parametrize("tool", ["delegate", "hand_off"])
def test_a_model_lets_its_team_work_and_the_job_books_it(
    bench: Bench, runtime: Runtime, tool: str
) -> None:
    asked = wish(tool, agent="adder", input=SUM)
    job = bench.submit(asked, agent="lead", hold=HOLD, max_cost_micro=ALLOWANCE)
    bench.until_done(job, runtime)
    assert "42" in str(bench.output(job))
    ((below,),) = bench.ask(
        "select spent_micro from jobs where parent_id = %s and status = 'succeeded'", job
    )
    booked = "select spent_micro, held_micro from jobs where job_id = %s"
    ((spent, held),) = bench.ask(booked, job)
    assert isinstance(spent, int)
    assert isinstance(below, int)
    assert (held, spent > below > 0) == (0, True)


def test_a_model_asks_a_person(bench: Bench, runtime: Runtime) -> None:
    asked = wish("ask_person", question="Which colour?")
    job = bench.submit(asked, agent="lead", hold=HOLD)
    bench.deliver(runtime, job)
    bench.until(lambda: bench.status(job) == "waiting", "it waits")
    Mail(bench.database).answer(bench.tenant, job, {"question_1": b'"blue"'}, by="me")
    bench.until_done(job, runtime)
    assert "blue" in str(bench.output(job))


def test_a_model_cannot_turn_to_a_stranger(bench: Bench, runtime: Runtime) -> None:
    asked = wish("delegate", agent="stranger", input=SUM)
    job = bench.submit(asked, agent="lead", hold=HOLD)
    bench.until_done(job, runtime)
    assert bench.ask("select job_id from jobs where parent_id = %s", job) == []
