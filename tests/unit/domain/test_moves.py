"""Statuses: what is final is final, and every status can be left or is an end."""

from agent_workers.domain.job import MOVES, TERMINAL, JobStatus
from agent_workers.domain.step import STEP_MOVES, StepStatus

ENDS = {StepStatus.DONE, StepStatus.CANCELED}


def test_an_ended_job_never_moves_again() -> None:
    assert {status for status in JobStatus if not MOVES[status]} == TERMINAL
    assert not any(status in MOVES[status] for status in JobStatus)


def test_every_live_job_may_fail_or_be_canceled() -> None:
    for status in set(JobStatus) - TERMINAL:
        assert JobStatus.FAILED in MOVES[status]
        assert JobStatus.CANCELED in MOVES[status]


def test_nothing_succeeds_before_it_began_or_while_it_is_stopped() -> None:
    assert JobStatus.SUCCEEDED not in MOVES[JobStatus.QUEUED]
    assert MOVES[JobStatus.CANCELING] == {JobStatus.CANCELED, JobStatus.FAILED}


def test_a_step_is_done_only_by_who_claimed_it() -> None:
    assert {status for status in StepStatus if not STEP_MOVES[status]} == ENDS
    assert [s for s in StepStatus if StepStatus.DONE in STEP_MOVES[s]] == [StepStatus.CLAIMED]
    assert all(StepStatus.CANCELED in STEP_MOVES[s] for s in set(StepStatus) - ENDS)
