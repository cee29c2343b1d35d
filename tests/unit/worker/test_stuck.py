"""Slots whose threads hang on: a process with no other left has to be started again."""

import time

from structlog.testing import capture_logs

from agent_workers.domain.step import StepKind
from agent_workers.worker.delivery import Busy
from agent_workers.worker.keeper import EXIT_CODE
from tests.unit.orchestration.agents import claimed
from tests.unit.worker.keepers import keeper


def test_a_process_ends_when_every_slot_hangs_for_good() -> None:
    busy, left = Busy(slots=2), list[int]()
    keeping = keeper(busy, left)
    long_ago = time.monotonic() - 3_600
    busy.steps[1] = (claimed(), long_ago)
    keeping.end_stuck()
    assert (left, list(busy.stuck), busy.steps) == ([], [1], {})
    busy.steps[2] = (claimed(), time.monotonic() - claimed().timeout_ms / 1000 - 1)
    keeping.end_stuck()
    assert not left, "the second may come back"
    busy.stuck[2] = long_ago
    keeping.end_stuck()
    assert left == [EXIT_CODE]


def test_a_step_that_is_overdue_is_logged_with_its_agent_and_tool() -> None:
    busy = Busy(slots=2)
    step = claimed(kind=StepKind.TOOL, tool="pay")
    busy.steps[1] = (step, time.monotonic() - 3_600)
    with capture_logs() as logs:
        keeper(busy, []).end_stuck()
    assert (logs[0]["event"], logs[0]["agent"], logs[0]["tool"]) == (
        "step_overdue",
        step.agent,
        "pay",
    )
