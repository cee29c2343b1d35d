"""A job on one screen: how it stands, its steps, and what came of it."""

import pytest

from agent_workers.cli.jobs.show import print_job
from agent_workers.terminal.screening import screened
from tests.unit.cli.jobs.documents import ID, LATER, Json, seen, step, waits


@pytest.fixture(autouse=True)
def _on_a_wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")


def test_a_job_is_told_with_its_facts_and_steps(capsys: pytest.CaptureFixture[str]) -> None:
    plan = step(kind="plan", tool=None, outcome_type="planned", outcome={"calls": [{"tool": "f"}]})
    ends: Json = {
        "status": "succeeded",
        "finished_at": "2030-01-01T12:00:04Z",
        "output": {"sun": True},
    }
    print_job(seen(plan, step(1), **ends, user_id="u-01", deadline_at=LATER))
    said = capsys.readouterr().out
    for words in (
        f"{ID}  succeeded",
        "agent      weather 1",
        "submitted  2030-01-01 12:00:00 UTC, 30 s ago",
        "took       4.0 s",
        "cost       0.25 USD, 7 tokens, 1 tool call",
        "deadline   2030-01-01 12:05:30 UTC",
        "user       u-01",
        "calls f",
        "1     0      tool  forecast  done    1     2.5 s  city: Lisbon",
        '"sun": true',
    ):
        assert words in said


def test_a_failure_is_told_with_the_traceback_of_the_step(
    capsys: pytest.CaptureFixture[str],
) -> None:
    raised = {
        "code": "mistake",
        "message": "ZeroDivisionError: division by zero",
        "type": "ZeroDivisionError",
        "where": "weather.py:12",
        "traceback": 'Traceback (most recent call last):\n  File "weather.py", line 12\nboom',
    }
    cause = {"code": "mistake", "message": "division by zero", "tool": "forecast"}
    error = {
        "code": "evaluation_failed",
        "message": "the tool failed",
        "cause": cause | {"position": 1, "where": "weather.py:12"},
    }
    failed = step(1, outcome_type="tool_failed", outcome={"code": "mistake"}, error=raised)
    print_job(seen(failed, status="failed", finished_at=LATER, error=error))
    said = capsys.readouterr().out
    assert "failed  1" in said
    assert "ZeroDivisionError: division by zero at weather.py:12" in said
    assert "Error: evaluation_failed\n    the tool failed\n" in said
    assert (
        "caused by mistake in forecast (step 1):\n    division by zero\n  at weather.py:12" in said
    )
    assert '      File "weather.py", line 12\n    boom\n' in said


def test_a_failure_of_which_less_is_known_is_told_too(capsys: pytest.CaptureFixture[str]) -> None:
    failed = step(1, outcome_type="tool_failed", outcome={"code": "mistake", "message": "no"})
    error = {"code": "evaluation_failed", "message": "the tool failed", "cause": None}
    print_job(seen(failed | {"error": None}, status="failed", finished_at=LATER, error=error))
    said = capsys.readouterr().out
    assert "mistake: no" in said
    assert "Error: evaluation_failed" in said


def test_a_long_value_is_cut_and_says_its_size(capsys: pytest.CaptureFixture[str]) -> None:
    print_job(seen(step(outcome="x" * 5_000), status="succeeded", output="y" * 5_000))
    said = capsys.readouterr().out
    assert max(map(len, said.splitlines())) <= 120
    assert "xxx… (4.9 KiB)" in said
    assert said.count("4.9 KiB") == 2  # one for the step, one for the output
    assert f"4.9 KiB in all: agent-workers jobs show {ID} --json" in said


def test_a_short_output_is_shown_whole(capsys: pytest.CaptureFixture[str]) -> None:
    answer = "It will be sunny. " * 20 + "That is the end."
    print_job(seen(step(), status="succeeded", output=answer))
    said = capsys.readouterr().out
    assert f"Output\n  {answer}\n" in said
    assert "bytes" not in said


def test_a_result_that_came_out_later_stands_before_the_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    raised = {"code": "exception", "message": "RuntimeError: lost", "type": "RuntimeError"}
    print_job(seen(step(1, outcome="sent", error=raised, effect="unsafe")))
    said = capsys.readouterr().out
    assert "2.5 s  sent" in said
    assert "RuntimeError" not in said


def test_of_many_steps_the_newest_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    print_job(seen(*(step(position) for position in range(100))))
    said = capsys.readouterr().out
    assert "99    0      tool" in said
    assert "(75 earlier steps:" in said
    assert len(said.splitlines()) < 40


def test_a_step_that_waits_is_not_called_ready(capsys: pytest.CaptureFixture[str]) -> None:
    parked = step(1, status="ready", outcome_type=None, done_at=None)
    print_job(seen(parked, status="waiting", waiting_for=[waits("event", key="printed")]))
    said = capsys.readouterr().out
    assert "forecast  waiting\n" in said
    assert "Waits for\n  the event 'printed', for 30 s\n    agent-workers jobs send" in said


def test_runs_are_told_where_there_were_more_than_steps(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_job(seen(step(claims=3, tries=1, deaths=1)))
    assert (
        "runs       3 for 1 step, 1 of which ended when the worker died" in capsys.readouterr().out
    )


def test_a_job_that_no_worker_can_do_is_told_whole_and_with_no_attempt(
    capsys: pytest.CaptureFixture[str],
) -> None:
    parked = step(1, status="ready", outcome_type=None, done_at=None, claims=6)
    lack = f"no running worker has agent 'bad' {'x' * 150} MODULE"
    wait = waits("worker", key="agent:bad", prompt={"message": lack})
    print_job(seen(parked, status="waiting", status_detail=lack, waiting_for=[wait]))
    said = capsys.readouterr().out
    assert f"Waits for\n  a worker: {lack}\n    agent-workers worker" in said
    assert "detail" not in said
    assert "\n  runs " not in said
    assert "1 tool call\n" in said


def test_colours_are_for_terminals_and_strangers_have_none(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with screened():
        print_job(seen(step(outcome="\x1b[31mred\n\x07"), metadata={"a": "\x1b[2J"}))
    said = capsys.readouterr().out
    assert "\x1b" not in said
    assert "\x07" not in said
