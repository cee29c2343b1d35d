"""An event of a job's journal is one line in plain words."""

from datetime import UTC, datetime
from typing import Any

import pytest

from agent_workers.cli.jobs.events import line_of, words_of
from agent_workers.client.stream import Event

SUBMITTED = datetime(2030, 1, 1, 12, tzinfo=UTC)
STEP = {"position": 1, "kind": "tool", "tool": "pay"}

FAILED = STEP | {"code": "exception", "message": "OSError: x", "delay_ms": 1_500}

NOBODY_KNOWS = "step 1 (tool pay) failed (OSError: x); nobody knows yet whether it took effect"


def event(name: str, **data: Any) -> Event:
    head = {"at": "2030-01-01T12:00:02.500000Z", "stage": "execute", "component": "planner"}
    return Event(number=1, type=f"job.{name}", data=head | data)


def test_a_line_has_the_events_own_time_and_the_time_since_the_submission() -> None:
    line = line_of(event("started"), submitted=SUBMITTED)
    assert line == "12:00:02.500Z     +2.500 s  started by the planner"


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (event("queued"), "submitted"),
        (
            event("step.completed", position=0, kind="plan", outcome="planned", tools=["a", "b"]),
            "step 0 (plan) calls a, b",
        ),
        (
            event("step.completed", **STEP, outcome="tool_ran"),
            "step 1 (tool pay) returned a result",
        ),
        (event("step.completed", **STEP, outcome="tool_failed"), "step 1 (tool pay) failed"),
        (
            event(
                "step.completed",
                position=2,
                kind="evaluate",
                outcome="judged",
                verdict="accept",
                reason="all well",
                model="m/1",
            ),
            "step 2 (evaluate) says accept: all well (model m/1)",
        ),
        (
            event("retrying", **STEP, code="try_later", message="no route", delay_ms=1_500),
            "step 1 (tool pay) failed (try_later: no route); it is tried again in 1.5 s",
        ),
        (
            event("retrying", **FAILED),
            "step 1 (tool pay) failed (OSError: x); it is tried again in 1.5 s",
        ),
        (
            event("retrying", **FAILED, unanswered="unsafe"),
            (
                f"{NOBODY_KNOWS}: this is checked in 1.5 s;"
                " the tool is called again only if it declares on_doubt=REPEAT"
            ),
        ),
        (
            event("retrying", **FAILED, unanswered="reconcilable"),
            f"{NOBODY_KNOWS}: it is looked up in 1.5 s, before the tool is called again",
        ),
        (
            event("retrying", **FAILED, unanswered="keyed"),
            f"{NOBODY_KNOWS}: it is called again in 1.5 s, with the same key",
        ),
        (
            event("doubt_ended", position=1, effect_key="k", says="happened", source="verdict"),
            "the doubt about step 1 ended: a person says that it happened",
        ),
        (
            event("waiting", position=1, **{"for": "person"}, key="q1", until=None),
            "step 1 waits for a person's answer to 'q1'",
        ),
        (
            event("waiting", **STEP, code="quota", message="full", delay_ms=60_000),
            "step 1 (tool pay) waits 1 min (quota: full)",
        ),
        (event("answered", key="q1", by="key:k"), "the question 'q1' was answered by key:k"),
        (event("paused", reason="lunch"), "paused: lunch"),
        (event("failed", code="c", message="m"), "failed: c: m"),
        (
            event("turn_skipped", session_id="s", waiting=2, policy={"a": 1}),
            'turn skipped: session_id s, waiting 2, policy {"a": 1}',
        ),
    ],
)
def test_each_event_is_told_in_words(told: Event, words: str) -> None:
    assert words_of(told) == words


def test_a_long_message_of_a_stranger_stays_one_line() -> None:
    line = line_of(event("failed", code="c", message="a\nb\x1b" * 1_000), submitted=SUBMITTED)
    assert line.isprintable()
    assert "KiB)" in line
