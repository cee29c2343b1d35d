"""The cause of a failed job: a sentence for people, and bounds for what another job told."""

from typing import Any

import pytest

from agent_workers.domain.cause import cause_of_error, cause_read, sentence
from agent_workers.domain.claim import Done
from agent_workers.domain.codec import encode
from agent_workers.domain.step import StepKind, ToolFailed
from agent_workers.domain.trouble import Trouble
from agent_workers.execution.history import History

WHERE = "tools.py:12 in lookup"


@pytest.mark.parametrize(
    ("code", "message", "where", "told"),
    [
        ("mistake", "KeyError: 'nokey'", WHERE, "raised KeyError: 'nokey' (tools.py:12)"),
        ("tool_error", "no such order", WHERE, "failed: no such order (tools.py:12)"),
        ("timeout", "it was not done", "", "failed: it was not done"),
        ("bad_arguments", "key: missing", "", "was called with wrong arguments: key: missing"),
        ("bad_result", "lookup declares int but returned str", "", "declares int but returned str"),
        ("bad_result", "no number", "", "gave a result that cannot be used: no number"),
    ],
)
def test_a_failure_is_a_sentence(code: str, message: str, where: str, told: str) -> None:
    assert sentence("Tool 'lookup'", code, message, where) == f"Tool 'lookup' {told}"


def test_a_cause_is_stored_as_it_is_read() -> None:
    inner = {"code": "c", "message": "m", "tool": None, "position": 3, "where": None, "cause": None}
    outer = inner | {"tool": "t", "cause": inner}
    cause = cause_read(outer)
    assert cause is not None
    assert cause.told() == outer


def test_what_another_job_told_is_bounded() -> None:
    told: dict[str, Any] = {"code": "c", "message": "m" * 9_000, "cause": None}
    for _ in range(100):
        told = told | {"cause": told}
    cause = cause_read(told)
    assert cause is not None
    assert len(str(cause.told())) < 5_000


@pytest.mark.parametrize("told", [None, "x", [], {}, {"code": 3}])
def test_what_is_no_error_has_no_cause(told: object) -> None:
    assert cause_of_error(told) is None


def test_models_and_evaluators_see_the_failure_as_before() -> None:
    failed = ToolFailed(code="c", message="m", trouble=Trouble(type="T", where=WHERE))
    done = Done(
        position=1,
        round=0,
        kind=StepKind.TOOL,
        tool="t",
        type="tool_failed",
        outcome=encode(failed),
    )
    (past,) = History([done])
    assert past.value == {"code": "c", "message": "m"}
    assert past.origin == {"where": WHERE, "cause": None}
