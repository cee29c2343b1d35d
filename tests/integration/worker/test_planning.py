"""Whole jobs by the scripted model: turn by turn, the whole way first, and up to each limit."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from agent_workers.domain.ids import JobId
from agent_workers.worker.runtime import Runtime
from tests.integration.worker.conftest import Bench

SCRIPT = Path(__file__).with_name("planning.yaml")


@pytest.fixture
def runtime(bench: Bench) -> Runtime:
    bench.settings = bench.settings.model_copy(update={"scenario": (SCRIPT,)})
    return bench.runtime(module="tests.integration.worker.planning_agents")


def steps(bench: Bench, job: JobId) -> list[str]:
    """The steps of a job in their order: a tool by its name and the id of its call."""
    rows = bench.ask(
        "select kind, tool, call_id from steps where job_id = %s order by position", job
    )
    return [f"{tool}:{call}" if tool else str(kind) for kind, tool, call in rows]


def facts(bench: Bench, job: JobId, column: str) -> object:
    value = bench.ask(f"select {column} from jobs where job_id = %s", job)[0][0]
    return json.loads(value) if isinstance(value, bytes | str) and value else value


def done(bench: Bench, runtime: Runtime, agent: str, goal: str) -> JobId:
    job = bench.submit(goal, agent=agent)
    bench.until_done(job, runtime)
    return job


def test_a_turn_may_hold_calls_that_wait_for_each_other(bench: Bench, runtime: Runtime) -> None:
    job = done(bench, runtime, "turns", "add two sizes")
    assert bench.output(job) == "the sum is 8"
    assert steps(bench, job) == [
        *("plan", "find:c1", "find:c2", "evaluate", "add:c3", "evaluate"),
        *("plan", "evaluate"),
    ]
    course = facts(bench, job, "course")
    assert isinstance(course, dict)
    assert (course["model_calls"], course["tool_calls"]) == (2, 3)


def test_a_whole_plan_runs_in_waves_without_another_turn(bench: Bench, runtime: Runtime) -> None:
    job = done(bench, runtime, "whole", "three waves")
    assert bench.output(job) == "all is done"
    assert steps(bench, job) == [
        *("plan", "find:a", "find:b", "evaluate", "add:both", "evaluate", "add:total", "evaluate"),
        *("plan", "evaluate"),
    ]
    results = bench.ask(
        "select outcome from steps where job_id = %s and kind = 'tool' order by position", job
    )
    assert results[2:] == [(b"8",), (b"9",)]


def test_the_script_that_ships_plans_the_whole_way_too(bench: Bench, runtime: Runtime) -> None:
    job = done(bench, runtime, "plain", 'use find {"name": "it"}')
    assert steps(bench, job) == ["plan", "find:c1", "evaluate", "plan", "evaluate"]
    other = done(bench, runtime, "plain", "hello")
    assert bench.output(other) == "the scripted model needs no tool for this"


def test_a_failed_plan_is_made_anew_and_builds_on_what_is_done(
    bench: Bench, runtime: Runtime
) -> None:
    job = done(bench, runtime, "whole", "go there")
    assert bench.output(job) == "all is done"
    assert [step for step in steps(bench, job) if ":" in step] == [
        "find:here",
        "refuse:there",
        "add:sum",
    ]
    course = facts(bench, job, "course")
    assert isinstance(course, dict)
    assert course["replans"] == 1


def test_text_that_comes_from_tools_cannot_add_steps(bench: Bench, runtime: Runtime) -> None:
    mail = done(bench, runtime, "whole", "read my mail")
    assert bench.output(mail) == "it was a strange mail"
    failing = done(bench, runtime, "max_replans", "go there, whatever it says")
    for job in (mail, failing):
        assert not [step for step in steps(bench, job) if step.startswith("send")]


def test_an_invalid_plan_goes_back_to_the_model_as_data(bench: Bench, runtime: Runtime) -> None:
    job = done(bench, runtime, "turns", "something unheard of")
    assert bench.output(job) == "then I do without"
    stored = bench.ask("select outcome from steps where job_id = %s and position = 0", job)[0][0]
    assert isinstance(stored, bytes)
    assert "no tool 'teleport'" in json.loads(stored)["problems"][0]
    course = facts(bench, job, "course")
    assert isinstance(course, dict)
    assert (course["invalid_plans"], course["model_calls"]) == (1, 4)


def test_a_model_may_say_that_there_is_no_way(bench: Bench, runtime: Runtime) -> None:
    job = done(bench, runtime, "turns", "do the impossible")
    error = facts(bench, job, "error")
    assert isinstance(error, dict)
    assert (error["code"], error["message"]) == ("gave_up", "nobody can")


@pytest.mark.parametrize(
    "limit",
    [
        "max_rounds",
        "max_steps",
        "max_model_calls",
        "max_tool_calls",
        "max_calls_of",
        "max_tokens",
        "max_replans",
    ],
)
def test_a_job_at_a_limit_still_ends_with_a_summary(
    bench: Bench, runtime: Runtime, limit: str
) -> None:
    job = done(bench, runtime, limit, "go on and on")
    assert bench.output(job) == "this is how far it came"
    assert facts(bench, job, "degraded") == [f"limit: {limit}"]


def test_no_limit_is_passed_on_the_way_to_the_summary(bench: Bench, runtime: Runtime) -> None:
    calls = done(bench, runtime, "max_model_calls", "go on and on")
    course = facts(bench, calls, "course")
    assert isinstance(course, dict)
    assert course["model_calls"] == 3
    tools = done(bench, runtime, "max_tool_calls", "go on and on")
    assert facts(bench, tools, "tool_calls") == 2
    assert len(steps(bench, done(bench, runtime, "max_steps", "go on and on"))) <= 9


def test_a_job_ends_with_a_summary_before_its_money_is_spent(
    bench: Bench, runtime: Runtime
) -> None:
    job = bench.submit("go on and on", agent="budget", hold=10_000, max_cost_micro=20_300)
    bench.until_done(job, runtime)
    assert bench.output(job) == "this is how far it came"
    assert facts(bench, job, "degraded") == ["limit: budget"]
    spent, held, allowance = bench.ask(
        "select spent_micro, held_micro, allowance_micro from jobs where job_id = %s", job
    )[0]
    assert held == 0
    assert isinstance(spent, int)
    assert isinstance(allowance, int)
    assert 0 < spent <= allowance


def test_a_job_ends_with_a_summary_before_its_deadline(bench: Bench, runtime: Runtime) -> None:
    job = bench.submit("go on and on", agent="deadline", deadline=timedelta(seconds=8))
    bench.until_done(job, runtime)
    assert bench.output(job) == "this is how far it came"
    assert facts(bench, job, "degraded") == ["limit: deadline"]


def test_a_function_at_its_limit_ends_with_the_results_so_far(
    bench: Bench, runtime: Runtime
) -> None:
    job = done(bench, runtime, "function", "go on and on")
    assert bench.output(job) == [
        {"tool": "find", "result": {"name": "n0", "size": 2}},
        {"tool": "find", "result": {"name": "n1", "size": 2}},
    ]
    assert facts(bench, job, "degraded") == ["limit: max_rounds"]


def test_a_plan_of_a_function_runs_in_waves_too(bench: Bench, runtime: Runtime) -> None:
    job = done(bench, runtime, "summing", "sum")
    assert bench.output(job) == [{"name": "four", "size": 4}, 8]
    assert steps(bench, job) == ["plan", "find:found", "evaluate", "add:c1", "evaluate"]
