"""Outcomes as bytes: what is JSON already passes through, and everything can be read again."""

import json

import pytest

from agent_workers.domain import codec
from agent_workers.domain.step import (
    GaveUp,
    Judge,
    Judged,
    Lane,
    NextStep,
    Outcome,
    Planned,
    StepKind,
    Summarised,
    ToolCall,
    ToolFailed,
    ToolRan,
    Verdict,
)

NASTY = 'a"b\\\0\ud800é'


@pytest.mark.parametrize(
    ("outcome", "stored"),
    [
        (Planned(calls=(), answer=b'{"x":1}'), {"answer": {"x": 1}}),
        (
            Planned(calls=(ToolCall(tool=NASTY, arguments=b'{"a":[1]}'),), workflow=NASTY),
            {"workflow": NASTY, "calls": [{"tool": NASTY, "arguments": {"a": [1]}}]},
        ),
        (ToolFailed(code="c", message=NASTY), {"code": "c", "message": NASTY}),
        (GaveUp(code="c", message=NASTY), {"code": "c", "message": NASTY}),
        (
            Summarised(text="ships", first=1, last=7, version="v"),
            {"summary": "ships", "first": 1, "last": 7, "version": "v"},
        ),
        (
            Judged(verdict=Verdict.ACCEPT, output=b"[1]", reason=NASTY),
            {"verdict": "accept", "reason": NASTY, "by": "checks", "output": [1]},
        ),
        (Judged(verdict=Verdict.FAIL), {"verdict": "fail", "reason": "", "by": "checks"}),
        (
            Judged(
                verdict=Verdict.RETRY,
                by=Judge.MODEL,
                question=NASTY,
                calls=(ToolCall(tool="t", arguments=b"{}", call_id=NASTY),),
            ),
            {"verdict": "retry", "reason": "", "by": "model", "question": NASTY, "calls": [NASTY]},
        ),
    ],
)
def test_an_outcome_is_json_whatever_it_says(outcome: Outcome, stored: object) -> None:
    assert json.loads(codec.encode(outcome)) == stored


def test_the_result_of_a_tool_passes_through_untouched() -> None:
    raw = b'{ "n" : 1e999, "s":"\\ud800" }'
    assert codec.encode(ToolRan(result=raw)) is raw


def test_every_outcome_has_a_type_of_its_own() -> None:
    assert len(set(codec.TYPES.values())) == len(codec.TYPES) == 6


def test_steps_are_written_for_a_database_that_refuses_some_text() -> None:
    step = NextStep(
        kind=StepKind.TOOL,
        lane=Lane.TOOL,
        timeout_ms=1,
        round=0,
        arguments=b'{"s":"\\u0000"}',
        call_id=NASTY,
    )
    written = codec.encode_steps((step,))
    assert written is not None
    (read,) = json.loads(written)
    assert (read["call_id"], read["arguments"]) == ('a"b\\?é', '{"s":"\\u0000"}')
    assert codec.encode_steps(()) is None


def test_words_of_others_lose_only_what_postgres_refuses() -> None:
    assert codec.plain(NASTY) == 'a"b\\?é'
    assert len(codec.plain("x" * 9_999)) == 2_000
