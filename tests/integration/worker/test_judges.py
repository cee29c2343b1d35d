"""Checks and a model's opinion through whole jobs: each verdict, each way a judge can break."""

from pathlib import Path

import pytest

from agent_workers.worker.runtime import Runtime
from tests.integration.worker import judged_agents
from tests.integration.worker.conftest import Bench
from tests.integration.worker.verdicts import (
    degraded,
    ended,
    error,
    kinds,
    model_calls,
    person_says,
    verdicts,
)

SCRIPT = Path(__file__).with_name("judged.yaml")


@pytest.fixture
def runtime(bench: Bench) -> Runtime:
    judged_agents.FAILURES.clear()
    judged_agents.MAILED.clear()
    bench.settings = bench.settings.model_copy(update={"scenario": (SCRIPT,)})
    return bench.runtime(module=judged_agents.__name__)


def test_checks_alone_see_a_model_s_job_through_and_ask_no_model(
    bench: Bench, runtime: Runtime
) -> None:
    job = bench.submit('use search {"words": "refunds"}', agent="plain")
    assert ended(bench, job, runtime) == "succeeded"
    assert "refunds" in str(bench.output(job))
    assert verdicts(bench, job) == [("continue", "checks", ""), ("accept", "checks", "")]
    assert model_calls(bench, job) == 2  # a judge at every round would make it four


def test_an_answer_of_another_shape_is_sent_back_until_it_fits(
    bench: Bench, runtime: Runtime
) -> None:
    job = bench.submit("how many?", agent="shaped")
    assert ended(bench, job, runtime) == "succeeded"
    assert bench.output(job) == {"n": 3}
    (first, second) = verdicts(bench, job)
    assert first[:2] == ("replan", "checks")
    assert "'it is 3' is not of type 'object'" in first[2]
    assert second == ("accept", "checks", "")


def test_a_citation_of_nothing_is_sent_back(bench: Bench, runtime: Runtime) -> None:
    job = bench.submit("what of refunds?", agent="citing")
    assert ended(bench, job, runtime) == "succeeded"
    assert bench.output(job) == "so it says [doc_7]"
    assert verdicts(bench, job)[1] == (
        "replan",
        "checks",
        "the answer cites what no tool returned: doc_9",
    )


def test_a_model_that_turns_in_circles_is_stopped_and_still_sums_up(
    bench: Bench, runtime: Runtime
) -> None:
    job = bench.submit("go on for ever", agent="circling")
    assert ended(bench, job, runtime) == "succeeded"
    assert bench.output(job) == "I went in circles"
    said = verdicts(bench, job)
    assert said[2][:2] == ("replan", "checks")
    assert "'search' was planned 3 times with the same arguments" in said[2][2]
    assert degraded(bench, job)
    assert kinds(bench, job).count("tool") == 2  # what was planned once too often is not run


def test_a_judge_sends_a_draft_back_and_accepts_the_next(bench: Bench, runtime: Runtime) -> None:
    job = bench.submit("judge: replan", agent="final")
    assert ended(bench, job, runtime) == "succeeded"
    assert bench.output(job) == "a longer draft, since: too short"
    assert verdicts(bench, job) == [
        ("replan", "model", "too short"),
        ("accept", "model", "the scripted model accepts"),
    ]


def test_a_judge_lets_a_stronger_model_plan(bench: Bench, runtime: Runtime) -> None:
    job = bench.submit("do it well", agent="climbing")
    assert ended(bench, job, runtime) == "succeeded"
    assert bench.output(job) == "a good answer"
    assert verdicts(bench, job)[0] == ("escalate", "model", "it is poor")


def test_a_judge_fails_a_job(bench: Bench, runtime: Runtime) -> None:
    job = bench.submit("judge: fail", agent="final")
    assert ended(bench, job, runtime) == "failed"
    assert error(bench, job) == ("evaluation_failed", "it cannot be done")


def test_a_judge_asks_a_person_whose_answer_is_in_the_next_plan(
    bench: Bench, runtime: Runtime
) -> None:
    job = bench.submit("judge: ask", agent="final")
    person_says(bench, job, runtime, "yes, go on")
    assert ended(bench, job, runtime) == "succeeded"
    assert bench.output(job) == "a longer draft, since: yes, go on"
    assert [said[:2] for said in verdicts(bench, job)] == [
        ("ask", "model"),
        ("continue", "checks"),
        ("accept", "model"),
    ]


@pytest.mark.parametrize("fault", ["malformed", "refusal", "truncated", "overloaded"])
def test_a_broken_judge_loses_no_good_answer(bench: Bench, runtime: Runtime, fault: str) -> None:
    job = bench.submit(f"judge: {fault}", agent="final")
    assert ended(bench, job, runtime) == "succeeded"
    assert bench.output(job) == "a draft"
    (told,) = degraded(bench, job)
    assert told.startswith("not judged: ")


def test_a_judge_has_a_pure_call_run_again(bench: Bench, runtime: Runtime) -> None:
    job = bench.submit("judge: retry search", agent="risky")
    assert ended(bench, job, runtime) == "succeeded"
    assert verdicts(bench, job)[0] == ("retry", "model", "that is odd")
    assert kinds(bench, job).count("tool") == 3
    assert judged_agents.MAILED == ["hello"]


def test_a_judge_cannot_have_an_effect_run_again(bench: Bench, runtime: Runtime) -> None:
    job = bench.submit("judge: retry mail", agent="risky")
    assert ended(bench, job, runtime) == "succeeded"
    verdict, by, reason = verdicts(bench, job)[0]
    assert (verdict, by) == ("replan", "model")
    assert "'mail' may have taken effect" in reason
    assert judged_agents.MAILED == ["hello"]


def test_a_risky_effect_that_nobody_could_judge_is_for_a_person(
    bench: Bench, runtime: Runtime
) -> None:
    job = bench.submit("judge: malformed", agent="risky")
    person_says(bench, job, runtime, "it is right")
    assert ended(bench, job, runtime) == "succeeded"
    verdict, by, reason = verdicts(bench, job)[0]
    assert (verdict, by) == ("ask", "checks")
    assert reason.startswith("not judged: ")
    assert judged_agents.MAILED == ["hello"]


def test_or_it_fails_the_job_where_that_is_declared(bench: Bench, runtime: Runtime) -> None:
    job = bench.submit("judge: malformed", agent="strict")
    assert ended(bench, job, runtime) == "failed"
    code, message = error(bench, job)
    assert (code, message[:12]) == ("evaluation_failed", "not judged: ")


@pytest.mark.parametrize("goal", ["judge: post", "judge: cel"])
def test_a_whole_plan_is_made_anew_when_a_result_is_not_what_was_promised(
    bench: Bench, runtime: Runtime, goal: str
) -> None:
    job = bench.submit(goal, agent="planner")
    assert ended(bench, job, runtime) == "succeeded"
    said = [verdict[:2] for verdict in verdicts(bench, job)]
    assert said == [("replan", "checks"), ("continue", "model"), ("accept", "checks")]


def test_a_passing_failure_in_a_whole_plan_is_tried_once_more(
    bench: Bench, runtime: Runtime
) -> None:
    job = bench.submit("judge: flaky", agent="planner")
    assert ended(bench, job, runtime) == "succeeded"
    assert bench.output(job) == "that is what there is"
    said = [verdict[:2] for verdict in verdicts(bench, job)]
    assert said == [("retry", "checks"), ("continue", "checks"), ("accept", "checks")]
