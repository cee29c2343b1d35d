"""Every verdict, said by a function, through whole jobs: what follows it, and what is written of it."""

import pytest

from agent_workers.worker.runtime import Runtime
from tests.integration.worker import judged_agents
from tests.integration.worker.conftest import Bench
from tests.integration.worker.verdicts import (
    degraded,
    ended,
    error,
    kinds,
    person_says,
    verdicts,
)

SEARCH = ["search", {"words": "refunds"}]
FOUND = [{"id": "doc_7", "text": "refunds"}]


@pytest.fixture
def runtime(bench: Bench) -> Runtime:
    judged_agents.FAILURES.clear()
    judged_agents.MAILED.clear()
    return bench.runtime(module=judged_agents.__name__)


def test_an_accepted_round_ends_the_job_with_its_answer(bench: Bench, runtime: Runtime) -> None:
    job = bench.submit({"uses": [SEARCH], "verdicts": []})
    assert ended(bench, job, runtime) == "succeeded"
    assert bench.output(job) == {"rounds": 1, "last": [FOUND]}
    assert verdicts(bench, job) == [("accept", "function", "")]


@pytest.mark.parametrize("word", ["continue", "replan", "escalate"])
def test_another_round_is_planned(bench: Bench, runtime: Runtime, word: str) -> None:
    job = bench.submit({"uses": [SEARCH], "verdicts": [[word, "not yet"]]})
    assert ended(bench, job, runtime) == "succeeded"
    assert kinds(bench, job) == ["plan", "tool", "evaluate"] * 2
    assert verdicts(bench, job)[0] == (word, "function", "not yet")


def test_a_failed_call_is_retried_without_another_plan(bench: Bench, runtime: Runtime) -> None:
    job = bench.submit({"uses": [["flaky", {"failures": 1}]], "verdicts": [["retry", "again"]]})
    assert ended(bench, job, runtime) == "succeeded"
    assert kinds(bench, job) == ["plan", "tool", "evaluate", "tool", "evaluate"]
    assert verdicts(bench, job)[0] == ("retry", "function", "again")


def test_a_mail_is_never_sent_again_by_a_verdict(bench: Bench, runtime: Runtime) -> None:
    uses = [["mail", {"text": "hello"}], ["flaky", {"failures": 1}]]
    job = bench.submit({"uses": uses, "verdicts": [["retry", "again"]]})
    assert ended(bench, job, runtime) == "succeeded"
    assert judged_agents.MAILED == ["hello"]


def test_an_effect_that_waits_for_two_results_comes_once_they_are_in(
    bench: Bench, runtime: Runtime
) -> None:
    uses = [SEARCH, SEARCH, ["mail", {"text": "hello"}]]
    job = bench.submit({"uses": uses, "after": {"2": ["u0", "u1"]}, "verdicts": []})
    assert ended(bench, job, runtime) == "succeeded"
    assert judged_agents.MAILED == ["hello"]
    assert [said[0] for said in verdicts(bench, job)] == ["continue", "accept"]


def test_a_verdict_asks_a_person_and_the_answer_is_there_for_the_next(
    bench: Bench, runtime: Runtime
) -> None:
    job = bench.submit({"uses": [SEARCH], "verdicts": [["ask", "is it right?"]]})
    person_says(bench, job, runtime, "yes")
    assert ended(bench, job, runtime) == "succeeded"
    assert bench.output(job) == {"rounds": 1, "last": [FOUND, {"answer": "yes"}]}
    assert verdicts(bench, job)[0] == ("ask", "function", "is it right?")


def test_a_failed_verdict_fails_the_job_with_its_reason(bench: Bench, runtime: Runtime) -> None:
    job = bench.submit({"uses": [SEARCH], "verdicts": [["fail", "it is lost"]]})
    assert ended(bench, job, runtime) == "failed"
    assert error(bench, job) == ("evaluation_failed", "it is lost")


def test_a_result_that_breaks_its_tool_s_promise_is_not_the_answer(
    bench: Bench, runtime: Runtime
) -> None:
    job = bench.submit({"uses": [["search", {"words": "nothing"}]]}, agent="unjudged")
    assert ended(bench, job, runtime) == "failed"
    assert error(bench, job) == ("evaluation_failed", "u0: nothing was found")
    assert verdicts(bench, job) == [("fail", "checks", "u0: nothing was found")]


def test_what_stands_in_the_journal_of_a_verdict_is_short_and_can_be_stored(
    bench: Bench, runtime: Runtime
) -> None:
    nasty = "\0\ud800" + "x" * 5_000
    job = bench.submit({"uses": [SEARCH], "verdicts": [["continue", nasty]]})
    assert ended(bench, job, runtime) == "succeeded"
    assert verdicts(bench, job)[0] == ("continue", "function", ("?" + "x" * 5_000)[:500])
    assert degraded(bench, job) == []
