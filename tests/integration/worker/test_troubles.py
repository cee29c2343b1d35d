"""A step that failed says what was raised and where, while it waits and once it has ended."""

import json
from typing import Any

import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from agent_workers.domain.ids import JobId, to_wire
from agent_workers.domain.step import Lane
from agent_workers.state.jobs.steps import StepReads
from agent_workers.worker.runtime import Runtime
from tests.integration.worker import troubled_agents
from tests.integration.worker.conftest import LANES, Bench
from tests.support.boundaries import needs_a_boundary

FILE = "tests/integration/worker/troubled_agents.py"


@pytest.fixture
def runtime(bench: Bench) -> Runtime:
    troubled_agents.FAILED.clear()
    bench.ask_nothing("delete from breakers")
    return bench.runtime(module=troubled_agents.__name__, lanes=(*LANES, Lane.EFFECT))


def submit(bench: Bench, wish: object) -> JobId:
    return bench.submit(wish, agent="troubled")


# Any: a step's error is JSON.
def error_of(bench: Bench, job: JobId, position: int = 1) -> dict[str, Any]:
    step = StepReads(bench.database).steps(bench.tenant, job).rows[position]
    assert step.error is not None
    error: dict[str, Any] = json.loads(step.error)
    return error


def attempts_failed(logs: list[EventDict], job: JobId) -> list[EventDict]:
    """Return what the log says of this job: those of other tests may be tried again meanwhile."""
    told = [event for event in logs if event["event"] == "attempt_failed"]
    return [event for event in told if event["job_id"] == to_wire(job)]


def test_a_mistake_in_a_tool_names_its_line(bench: Bench, runtime: Runtime) -> None:
    job = submit(bench, {"uses": [["lookup", {"key": "no"}]]})
    bench.until_done(job, runtime)
    line = troubled_agents.lookup.function.__code__.co_firstlineno + 3
    error = error_of(bench, job)
    # What called the tool is ours, and is left out.
    head, first, *_ = error.pop("traceback").splitlines()
    assert head == "Traceback (most recent call last):"
    assert FILE in first
    assert error == {
        "code": "mistake",
        "message": "KeyError: 'no'",
        "type": "KeyError",
        "where": f"{FILE}:{line} in lookup",
    }


def test_the_past_that_planners_see_holds_no_traceback(bench: Bench, runtime: Runtime) -> None:
    job = submit(bench, {"uses": [["lookup", {"key": "no"}]]})
    bench.until_done(job, runtime)
    assert "Traceback" not in str(bench.output(job))


def test_a_step_without_failures_has_no_error(bench: Bench, runtime: Runtime) -> None:
    job = submit(bench, {"uses": [["lookup", {"key": "yes"}]]})
    bench.until_done(job, runtime)
    steps = StepReads(bench.database).steps(bench.tenant, job).rows
    assert [step.error for step in steps] == [None] * 3


def test_a_failed_attempt_is_seen_while_the_next_waits_and_after_it_worked(
    bench: Bench, runtime: Runtime
) -> None:
    job = submit(bench, {"uses": [["weather", {"failures": 1}]]})
    bench.deliver(runtime, job)
    bench.deliver(runtime, job, 1)
    assert bench.ask("select status from steps where job_id = %s and position = 1", job) == [
        ("ready",)
    ]
    waiting = error_of(bench, job)
    assert waiting["where"].endswith(" in weather")
    bench.until_done(job, runtime)
    assert bench.output(job) == ["fine"]
    assert error_of(bench, job) == waiting


@pytest.mark.parametrize(
    ("wish", "place"), [("plan", (0, "_plan")), ("evaluate", (2, "_evaluate"))]
)
def test_planners_and_evaluators_are_told_as_tools_are(
    bench: Bench, runtime: Runtime, wish: str, place: tuple[int, str]
) -> None:
    uses = {"uses": [["lookup", {"key": "yes"}]], "evaluate": True}
    job = submit(bench, "plan" if wish == "plan" else uses)
    bench.until_done(job, runtime)
    position, function = place
    assert error_of(bench, job, position)["where"].endswith(f" in {function}")


def test_a_look_up_that_raises_is_the_newest_failure(bench: Bench, runtime: Runtime) -> None:
    job = submit(bench, {"uses": [["buy", {"order": "o1"}]]})

    def looked() -> bool:
        bench.deliver(runtime, job, -1)
        steps = StepReads(bench.database).steps(bench.tenant, job).rows
        return len(steps) > 1 and b" in _seen" in (steps[1].error or b"")

    bench.until(looked, "the look-up was not called")


@needs_a_boundary
def test_a_traceback_crosses_the_boundary_of_a_process(bench: Bench, runtime: Runtime) -> None:
    job = submit(bench, {"uses": [["stumble", {"key": "no"}]]})
    bench.until_done(job, runtime)
    error = error_of(bench, job)
    assert (error["type"], error["message"]) == ("KeyError", "KeyError: 'no'")
    assert error["where"].startswith("tests/integration/sandbox/isolated_tools.py:")
    assert error["where"].endswith(" in stumble")
    assert "return {" in error["traceback"]


def test_the_worker_logs_who_failed_and_where(bench: Bench, runtime: Runtime) -> None:
    job = submit(bench, {"uses": [["lookup", {"key": "no"}]]})
    with capture_logs() as logs:
        bench.until_done(job, runtime)
    (event,) = attempts_failed(logs, job)
    assert (event["log_level"], event["position"]) == ("error", 1)
    assert (event["agent"], event["tool"], event["attempt"]) == ("troubled", "lookup", 1)
    assert event["exception"].endswith("KeyError: 'no'\n")


@pytest.mark.parametrize(
    ("call", "code"), [(["weigh", {"grams": "much"}], "bad_result"), (["dawdle", {}], "timeout")]
)
def test_the_worker_logs_what_failed_without_an_exception(
    bench: Bench, runtime: Runtime, call: list[object], code: str
) -> None:
    job = submit(bench, {"uses": [call]})
    with capture_logs() as logs:
        bench.until_done(job, runtime)
    (event,) = attempts_failed(logs, job)
    assert (event["log_level"], event["tool"], event["code"]) == ("error", call[0], code)
    assert event["message"] == error_of(bench, job)["message"]
    assert event["exception"] is None


def test_an_error_counts_among_the_bytes_of_its_job(bench: Bench, runtime: Runtime) -> None:
    job = submit(bench, {"uses": [["weather", {"failures": 1}]]})
    bench.until_done(job, runtime)
    kept = bench.ask(
        "select octet_length(error) from steps where job_id = %s and position = 1", job
    )
    counted = bench.ask(
        "select sum(bytes) from journal where job_id = %s and type = 'retrying'", job
    )
    assert int(str(counted[0][0])) > int(str(kept[0][0])) > 100


def test_what_a_step_waits_for_does_not_hide_what_failed(bench: Bench, runtime: Runtime) -> None:
    job = submit(bench, {"uses": [["buy_blindly", {"order": "o2"}]]})

    def told() -> str:
        bench.deliver(runtime, job, -1)
        steps = StepReads(bench.database).steps(bench.tenant, job).rows
        return str(steps[1].last_error) if len(steps) > 1 else ""

    lost = "RuntimeError: the answer to o2 was lost"
    bench.until(lambda: "waiting until then" in told(), "it does not wait")
    assert told().startswith(f"{lost}. Attempt 1 may still take effect until ")
    assert error_of(bench, job)["message"] == lost
    sql = "select convert_from(data, 'UTF8') from journal where job_id = %s and type = 'retrying'"
    (event,) = [json.loads(str(data)) for (data,) in bench.ask(sql, job)]
    assert (event["tool"], event["unanswered"]) == ("buy_blindly", "unsafe")
    bench.until(lambda: "doubts show" in told(), "it is not in doubt")
    ((key,),) = bench.ask("select effect_key from effects where job_id = %s", job)
    assert told() == (
        f"Attempt 1 raised {lost}; nobody knows whether it took effect."
        f" See `agent-workers doubts show {key}`."
    )
