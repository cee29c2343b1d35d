"""A failed job says by its code what failed, and in its cause which step that was."""

import json
from typing import Any

import pytest

from agent_workers.domain.ids import JobId
from agent_workers.execution.agents.registry import load
from agent_workers.state.catalogue.agents import Agents
from agent_workers.worker.parts.registering import registered
from agent_workers.worker.runtime import Runtime
from tests.integration.worker import troubled_agents
from tests.integration.worker.conftest import Bench

FILE = "tests/integration/worker/troubled_agents.py"
NO_KEY = {"uses": [["lookup", {"key": "no"}]]}


@pytest.fixture
def runtime(bench: Bench) -> Runtime:
    bench.ask_nothing("delete from breakers")
    Agents(bench.database).register(registered(load([troubled_agents.__name__])))
    return bench.runtime(module=troubled_agents.__name__)


# Any: a job's error is JSON.
def error_of(bench: Bench, runtime: Runtime, job: JobId) -> dict[str, Any]:
    bench.until_done(job, runtime)
    ((error,),) = bench.ask("select error from jobs where job_id = %s", job)
    assert isinstance(error, bytes), bench.status(job)
    told: dict[str, Any] = json.loads(error)
    return told


def test_the_code_is_that_of_the_call_that_failed(bench: Bench, runtime: Runtime) -> None:
    error = error_of(bench, runtime, bench.submit(NO_KEY, agent="plain"))
    line = troubled_agents.lookup.function.__code__.co_firstlineno + 3
    message = f"Tool 'lookup' raised KeyError: 'no' ({FILE}:{line})"
    assert (error["code"], error["message"]) == ("mistake", message)
    assert (
        error["user_message"]
        == "Something is set up wrongly on our side. The operator has to look at it."
    )
    assert error["cause"] == {
        "code": "mistake",
        "message": message,
        "tool": "lookup",
        "position": 1,
        "where": f"{FILE}:{line} in lookup",
        "cause": None,
    }


def test_wrong_arguments_have_a_code_of_their_own(bench: Bench, runtime: Runtime) -> None:
    error = error_of(bench, runtime, bench.submit({"uses": [["lookup", {}]]}, agent="plain"))
    assert error["code"] == error["cause"]["code"] == "bad_arguments"
    assert error["message"].startswith("Tool 'lookup' was called with wrong arguments: ")
    assert error["cause"]["where"] is None


def test_an_evaluator_that_gives_up_on_a_failure_keeps_its_words(
    bench: Bench, runtime: Runtime
) -> None:
    error = error_of(bench, runtime, bench.submit(NO_KEY, agent="judging"))
    assert (error["code"], error["message"]) == ("mistake", "I cannot go on")
    assert error["cause"]["tool"] == "lookup"


def test_results_that_are_not_good_are_no_failure_of_a_step(bench: Bench, runtime: Runtime) -> None:
    job = bench.submit({"uses": [["lookup", {"key": "yes"}]]}, agent="judging")
    error = error_of(bench, runtime, job)
    assert (error["code"], error["cause"]) == ("evaluation_failed", None)
    assert error["message"] == "this is not good enough"


@pytest.mark.parametrize(("who", "position"), [("planner", 0), ("evaluator", 2)])
def test_a_planner_or_an_evaluator_that_raises_is_the_cause(
    bench: Bench, runtime: Runtime, who: str, position: int
) -> None:
    fails = {"uses": [["lookup", {"key": "yes"}]], "evaluate": True}
    job = bench.submit("plan" if who == "planner" else fails, agent="troubled")
    error = error_of(bench, runtime, job)
    assert error["code"] == "mistake"
    assert error["message"].startswith(f"The {who} of agent 'troubled' raised ")
    assert error["cause"]["tool"] is None
    assert error["cause"]["position"] == position


def test_the_cause_of_a_child_stands_in_that_of_its_parent(bench: Bench, runtime: Runtime) -> None:
    error = error_of(bench, runtime, bench.submit(NO_KEY, agent="trusting"))
    assert error["code"] == error["cause"]["code"] == "child_failed"
    inner = error["cause"]["cause"]
    assert (inner["code"], inner["tool"], inner["position"]) == ("mistake", "lookup", 1)


def test_a_fallback_that_fails_says_for_what_it_stood_in(bench: Bench, runtime: Runtime) -> None:
    job = bench.submit({"uses": [["lookup_nearby", {"key": "no"}]]}, agent="plain")
    error = error_of(bench, runtime, job)
    assert (error["code"], error["cause"]["tool"]) == ("mistake", "lookup")
    assert error["cause"]["cause"]["tool"] == "lookup_nearby"
    assert "PermissionError" in error["cause"]["cause"]["message"]


@pytest.mark.parametrize("uses", [["lookup", {"key": "no"}], ["lookup", {}]])
def test_another_agent_takes_over_whatever_the_code(
    bench: Bench, runtime: Runtime, uses: list[object]
) -> None:
    job = bench.submit({"uses": [uses]}, agent="replaced")
    bench.until_done(job, runtime)
    assert bench.output(job) == "I took over"
