"""What a job waits for is told with the command that somebody runs about it."""

from typing import Any

import pytest

from agent_workers.cli.jobs.needs import needs_of, waits_in_short
from tests.unit.cli.jobs.documents import ID, LATER, NOW, job, seen, step, waits

QUESTION = {"question": "Publish it?", "choices": ["yes", "not yet"]}


def test_a_question_is_told_with_its_choices_and_the_command_for_each() -> None:
    asked = waits("person", key="q1", prompt=QUESTION, until=LATER)
    [need] = needs_of(seen(status="waiting", waiting_for=[asked]))
    assert "Publish it? (yes / not yet)" in need.text
    assert "for 30 s, until 2030-01-01 12:05:30 UTC (in 5 min)" in need.text
    assert need.commands == (
        f"agent-workers jobs answer {ID} q1 yes",
        f"agent-workers jobs answer {ID} q1 'not yet'",
    )


def test_a_command_runs_nothing_that_a_stranger_wrote() -> None:
    asked = waits("person", key="q; rm -rf ~", prompt=QUESTION)
    [need] = needs_of(seen(status="waiting", waiting_for=[asked]))
    assert need.commands[0] == f"agent-workers jobs answer {ID} 'q; rm -rf ~' yes"


@pytest.mark.parametrize(
    ("wait", "words", "command"),
    [
        (waits("event", key="printed"), "the event 'printed'", f"jobs send {ID} printed DATA"),
        (waits("child", key="job_2"), "job_2", "jobs show job_2"),
        (waits("breaker", key="tool:pay"), "circuit breaker of tool:pay", "breakers list"),
        (waits("place", key="pay"), "pay, which is at its limit", "jobs list --status running"),
        (
            waits("session", key="talk", behind={"job_id": "job_3", "status": "in_doubt"}),
            "job_3 is before it, and is in_doubt",
            "jobs show job_3",
        ),
        (waits("in_doubt"), "may have happened", "doubts list"),
        (waits("quarantined"), "killed its worker", "quarantine list"),
        (waits("paused"), "resume", f"jobs resume {ID}"),
    ],
)
def test_each_kind_of_wait_has_its_command(wait: Any, words: str, command: str) -> None:
    [need] = needs_of(seen(status="waiting", waiting_for=[wait]))
    assert words in need.text
    assert need.commands == (f"agent-workers {command}",)


@pytest.mark.parametrize(
    ("key", "start"),
    [
        ("agent:bad", "worker --tools MODULE"),
        ("tool:look", "worker --tools MODULE"),
        ("lane:plan", "worker --lanes plan --pool threads"),
        ("lane:effect", "worker --lanes effect --pool prefork"),
    ],
)
def test_a_missing_worker_is_told_with_what_starts_it_and_gives_up_at_no_time(
    key: str, start: str
) -> None:
    lack = {"message": "no running worker has it"}
    wait = waits("worker", key=key, prompt=lack, until=LATER)
    [need] = needs_of(seen(status="waiting", waiting_for=[wait]))
    assert need.text == "a worker: no running worker has it"
    assert need.commands == (f"agent-workers {start}", f"agent-workers jobs cancel {ID}")


def test_a_kind_of_wait_that_we_do_not_know_is_told_as_it_is() -> None:
    [need] = needs_of(seen(status="waiting", waiting_for=[waits("moon", key="full")]))
    assert need.text.startswith("moon full")


def test_a_doubt_is_told_by_its_key() -> None:
    doubt = {"effect_key": "k1", "tool": "pay", "position": 1, "doubt_reason": "no answer"}
    [need] = needs_of(seen(status="in_doubt", waiting_for=[waits("in_doubt")], doubts=(doubt,)))
    assert "did pay (step 1) happen? no answer" in need.text
    assert need.commands == ("agent-workers doubts show k1",)


def test_a_step_in_quarantine_is_told_by_its_position() -> None:
    held = step(4, status="quarantined", outcome_type=None, deaths=3)
    [need] = needs_of(seen(held, status="quarantined", waiting_for=[waits("quarantined")]))
    assert need.commands == (f"agent-workers quarantine release {ID} 4",)


def test_a_job_that_no_worker_has_begun_waits_for_a_worker() -> None:
    first = step(kind="plan", lane="plan", tool=None, status="ready", outcome_type=None, claims=0)
    [need] = needs_of(seen(first, status="queued", started_at=None))
    assert "a worker: none has taken step 0 (plan) for 30 s" in need.text
    assert need.commands == ("agent-workers doctor",)


def test_a_job_for_later_waits_for_its_time() -> None:
    first = step(status="ready", outcome_type=None, due_at=LATER)
    [need] = needs_of(seen(first, status="queued", started_at=None))
    assert "may start at 2030-01-01 12:05:30 UTC, in 5 min" in need.text


def test_another_try_is_told_with_its_time_and_the_last_error() -> None:
    again = step(2, status="ready", outcome_type=None, due_at=LATER, last_error="no route")
    [need] = needs_of(seen(again))
    assert "another try of step 2 (tool forecast)" in need.text
    assert "last: no route" in need.text


def test_a_step_that_may_have_taken_effect_is_not_said_to_be_repeated() -> None:
    open_step = step(2, status="ready", outcome_type=None, due_at=LATER, effect="unsafe")
    [need] = needs_of(seen(open_step))
    assert "another try" not in need.text
    assert "step 2 (tool forecast) is checked at 2030-01-01 12:05:30 UTC" in need.text
    assert "only if its last attempt certainly took no effect, or if it declares" in need.text


def test_a_job_that_a_worker_is_busy_with_or_that_has_ended_waits_for_nothing() -> None:
    busy = step(status="claimed", outcome_type=None, done_at=None)
    ready = step(status="ready", outcome_type=None, due_at=NOW.isoformat())
    assert needs_of(seen(busy, ready)) == []
    assert needs_of(seen(status="failed", finished_at=LATER, waiting_for=[waits("paused")])) == []


@pytest.mark.parametrize(
    ("waiting", "words"),
    [
        ([waits("person", key="q1"), waits("timer")], "waiting for: person q1, timer"),
        ([waits("child", key="job_2"), waits("child", key="job_2")], "waiting for: child job_2"),
        ([waits("worker", key="agent:bad")], "waiting for: worker agent:bad"),
        ([waits("in_doubt")], ""),
        ([], ""),
    ],
)
def test_a_list_of_jobs_names_what_each_waits_for(waiting: list[Any], words: str) -> None:
    assert waits_in_short(job(status="in_doubt", waiting_for=waiting)) == words
