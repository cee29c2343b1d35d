"""Planning and judging by a model: native tool calls, a structured verdict, and every cent booked."""

from tests.integration.worker.conftest import Bench
from tests.integration.worker.verdicts import verdicts

MODULE = "tests.integration.worker.model_agents"


def test_a_model_plans_a_tool_and_judges_what_came_of_it(bench: Bench) -> None:
    runtime = bench.runtime(module=MODULE)
    job = bench.submit('use add {"left": 2, "right": 40}', agent="thinker", hold=10_000)
    bench.until_done(job, runtime)
    kinds = bench.ask("select kind, outcome_type from steps where job_id = %s order by 1", job)
    assert ("tool", "tool_ran") in kinds
    assert bench.ask("select outcome from steps where job_id = %s and kind = 'tool'", job) == [
        (b"42",)
    ]
    assert bench.output(job) == "42"
    assert [said[:2] for said in verdicts(bench, job)] == [
        ("continue", "checks"),
        ("accept", "model"),
    ]


def test_what_models_cost_is_booked_on_the_job_and_nothing_stays_held(bench: Bench) -> None:
    runtime = bench.runtime(module=MODULE)
    job = bench.submit("hello", agent="thinker", hold=10_000)
    bench.until_done(job, runtime)
    spent, held, tokens = bench.ask(
        "select spent_micro, held_micro, input_tokens + output_tokens from jobs where job_id = %s",
        job,
    )[0]
    assert isinstance(spent, int)
    assert isinstance(tokens, int)
    assert (spent > 0, held, tokens > 0) == (True, 0, True)


def test_every_record_of_a_model_says_which_one_it_was(bench: Bench) -> None:
    runtime = bench.runtime(module=MODULE)
    job = bench.submit("hello", agent="thinker", hold=10_000)
    bench.until_done(job, runtime)
    told = bench.ask(
        "select convert_from(data, 'UTF8')::json->>'component', convert_from(data, 'UTF8')::json"
        "->>'model' from journal where job_id = %s and type = 'step.completed' order by number",
        job,
    )
    assert told == [("planner", "scripted/small"), ("evaluator", "scripted/small")]
