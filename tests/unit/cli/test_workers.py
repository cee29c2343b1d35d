"""Which workers `agent-workers workers` lists, and which of them have ended."""

import os
import socket
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta

from agent_workers.cli.workers import has_ended, heard_lately, state_of
from tests.unit.cli.test_checks_workers import REPORT, seen


def test_a_worker_that_was_killed_is_listed_as_silent_for_ten_minutes() -> None:
    silent = replace(seen(), age=timedelta(minutes=9), alive=False)
    assert heard_lately([silent, replace(silent, age=timedelta(minutes=11))]) == [silent]


def test_a_worker_of_this_host_has_ended_when_no_process_has_its_pid() -> None:
    here = replace(REPORT, host=socket.gethostname())
    ended = replace(here, pid=pid_of_nobody())
    assert has_ended(ended)
    assert state_of(replace(seen(), report=ended)) == "ended"
    running = replace(here, pid=os.getpid())
    assert not has_ended(running)
    assert state_of(replace(seen(), report=running)) == "running"


def test_of_another_host_only_the_report_tells() -> None:
    assert not has_ended(replace(REPORT, host="elsewhere", pid=pid_of_nobody()))


def pid_of_nobody() -> int:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    return ended.pid
