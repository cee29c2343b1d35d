"""The doctor counts no worker of this host whose process is gone, whatever it reported before."""

import os
import socket
import subprocess
import sys
from dataclasses import replace

from agent_workers.cli.doctor import has_ended
from tests.unit.cli.test_checks_workers import REPORT


def test_a_worker_of_this_host_has_ended_when_no_process_has_its_pid() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    here = replace(REPORT, host=socket.gethostname())
    assert has_ended(replace(here, pid=ended.pid))
    assert not has_ended(replace(here, pid=os.getpid()))


def test_of_another_host_only_the_report_tells() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert not has_ended(replace(REPORT, host="elsewhere", pid=ended.pid))
