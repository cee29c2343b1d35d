"""A nudge comes in: the step is done, the job is carried on, and nothing waits that need not."""

import threading

from agent_workers.domain.step import Lane
from tests.integration.worker.conftest import Bench


def test_one_delivery_carries_a_job_from_plan_to_done(bench: Bench) -> None:
    job = bench.submit({"uses": [["echo", {"value": 1}]]})
    assert bench.deliver(bench.runtime(), job) == 3
    assert bench.output(job) == [{"tool": "echo", "type": "tool_ran", "value": 1}]
    assert bench.ask(
        "select workflow, tool_calls, open_steps from jobs where job_id = %s", job
    ) == [("told", 1, 0)]


def test_a_doubled_nudge_does_nothing(bench: Bench) -> None:
    runtime, job = bench.runtime(), bench.submit({"uses": [["echo", {"value": 1}]]})
    bench.deliver(runtime, job)
    assert bench.deliver(runtime, job) == 0


def test_a_delivery_goes_on_with_whatever_else_is_due(bench: Bench) -> None:
    jobs = [bench.submit({"uses": [["echo", {"value": n}]]}) for n in range(5)]
    assert bench.deliver(bench.runtime(), jobs[0]) == 15
    assert [bench.status(job) for job in jobs] == ["succeeded"] * 5


def test_tools_of_one_round_run_side_by_side_and_are_joined_once(bench: Bench) -> None:
    runtime = bench.runtime()
    job = bench.submit({"uses": [["echo", {"value": n}] for n in range(8)]})
    threads = [threading.Thread(target=bench.deliver, args=(runtime, job, -1)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    bench.until_done(job, runtime)
    results = bench.output(job)
    assert isinstance(results, list)
    assert [result["value"] for result in results] == list(range(8))
    assert bench.ask("select count(*) from steps where job_id = %s and kind = 'evaluate'", job) == [
        (1,)
    ]


def test_rounds_follow_each_other_until_the_evaluator_accepts(bench: Bench) -> None:
    job = bench.submit({"uses": [["echo", {"value": 1}]], "rounds": 4})
    assert bench.deliver(bench.runtime(), job) == 12


def test_an_answer_of_the_planner_is_evaluated_too(bench: Bench) -> None:
    job = bench.submit({"answer": {"text": "no tool needed"}}, agent="default")
    assert bench.deliver(bench.runtime(), job) == 2
    assert bench.output(job) == {"text": "no tool needed"}


def test_a_tool_that_fails_for_good_fails_the_job_with_its_words(bench: Bench) -> None:
    job = bench.submit({"uses": [["refuse", {}]]}, agent="default")
    bench.deliver(bench.runtime(), job)
    error = bench.ask("select error from jobs where job_id = %s", job)[0][0]
    assert isinstance(error, bytes)
    assert b"it is closed" in error


def test_arguments_that_do_not_fit_the_schema_never_reach_the_tool(bench: Bench) -> None:
    job = bench.submit({"uses": [["flaky", {"failures": "many", "more": 1}]]})
    bench.deliver(bench.runtime(), job)
    result = bench.output(job)
    assert isinstance(result, list)
    assert result[0]["value"]["code"] == "bad_arguments"


def test_a_worker_hops_by_message_where_it_does_not_serve_the_next_lane(bench: Bench) -> None:
    planner, doer = bench.runtime(lanes=(Lane.PLAN,)), bench.runtime(lanes=(Lane.TOOL,))
    judge = bench.runtime(lanes=(Lane.EVALUATE,))
    job = bench.submit({"uses": [["echo", {"value": 1}]]})
    assert [bench.deliver(one, job, n) for n, one in enumerate((planner, doer, judge))] == [1, 1, 1]
    assert bench.status(job) == "succeeded"


def test_an_agent_that_this_worker_lacks_is_left_for_another_and_uses_up_no_try(
    bench: Bench,
) -> None:
    runtime, job = bench.runtime(), bench.submit({}, agent="elsewhere")
    bench.deliver(runtime, job)
    assert bench.ask("select status, tries from steps where job_id = %s", job) == [("ready", 0)]
    assert bench.status(job) == "waiting"
