"""The end of a job is said once, by whoever recorded it, and nothing else is taken for one."""

import os
import time
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from agent_workers.domain.claim import Recorded, RecordResult
from agent_workers.domain.decision import Decision, Fail, Finish
from agent_workers.domain.ids import JobId, time_ordered, to_wire
from agent_workers.domain.step import ToolRan
from agent_workers.orchestration.steps.telling import say_end
from tests.unit.orchestration.agents import claimed

_RAN = ToolRan(result=b"1")
_FAIL = Fail(outcome=_RAN, code="budget_spent", message="no money")
_FINISH = Finish(outcome=_RAN, output=b"1")


def said(
    decision: Decision, result: RecordResult, status: str, code: str = ""
) -> list[dict[str, object]]:
    job_id = JobId(time_ordered(time.time_ns() // 1_000_000 - 2_000, os.urandom(10)))
    step = replace(claimed(), job_id=job_id)
    with capture_logs() as logs:
        say_end(step, decision, Recorded(result=result, status=status, code=code))
    for entry in logs:
        assert entry.pop("job_id") == to_wire(job_id)
        assert 2 <= entry.pop("seconds") < 60
    return [dict(entry) for entry in logs]


def test_a_job_that_failed_is_said_with_its_code_and_how_long_it_took() -> None:
    [end] = said(_FAIL, RecordResult.RECORDED, "failed")
    assert (end["event"], end["status"], end["code"]) == ("job_ended", "failed", "budget_spent")


@pytest.mark.parametrize("decision", [_FINISH, _FAIL])
def test_a_job_that_the_database_failed_is_said_with_its_code(decision: Decision) -> None:
    [end] = said(decision, RecordResult.RECORDED, "failed", "deadline_exceeded")
    assert end["code"] == "deadline_exceeded"


def test_a_job_that_was_canceled_is_said_without_a_code() -> None:
    [end] = said(_FAIL, RecordResult.RECORDED, "canceled")
    assert "code" not in end


def test_a_job_that_succeeded_is_said_without_a_code() -> None:
    [end] = said(_FINISH, RecordResult.RECORDED, "succeeded")
    assert end["status"] == "succeeded"
    assert "code" not in end


@pytest.mark.parametrize(
    ("result", "status"),
    [
        (RecordResult.RECORDED, "running"),
        (RecordResult.FENCED, "succeeded"),
        (RecordResult.ENDED, "canceled"),
    ],
)
def test_what_goes_on_or_was_ended_by_somebody_else_is_not_said(
    result: RecordResult, status: str
) -> None:
    assert said(_FINISH, result, status) == []
