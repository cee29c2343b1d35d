"""Which workers `agent-workers workers` lists."""

from dataclasses import replace
from datetime import timedelta

from agent_workers.cli.workers import heard_lately
from tests.unit.cli.test_checks_workers import seen


def test_a_worker_that_was_killed_is_listed_as_silent_for_ten_minutes() -> None:
    silent = replace(seen(), age=timedelta(minutes=9), alive=False)
    assert heard_lately([silent, replace(silent, age=timedelta(minutes=11))]) == [silent]
