"""Slots whose threads hang on: a process with no other left has to be started again."""

import time

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
