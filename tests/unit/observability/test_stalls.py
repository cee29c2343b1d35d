"""A process in which no Python runs any more ends by itself, and one that works does not."""

import subprocess
import sys

_BUSY = "import re, time\nfrom agent_workers.observability.stalls import end_when, end_when_stalled\nend_when_stalled(0.6)\n"


def ran(rest: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", _BUSY + rest]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_a_process_whose_lock_is_held_for_good_ends_and_says_where() -> None:
    process = ran("re.match('(a+)+$', 'a' * 60 + 'b')\n")
    assert process.returncode == 1
    assert "Timeout" in process.stderr
    assert 'File "<string>", line 4' in process.stderr


def test_a_process_that_works_goes_on() -> None:
    assert (
        ran(
            "end = time.monotonic() + 1.5\nwhile time.monotonic() < end: sum(range(99))\n"
        ).returncode
        == 0
    )


def test_a_process_that_says_that_it_hangs_ends_and_says_where():
    hung_from = "time.monotonic() + 0.2"
    process = ran(
        f"at = {hung_from}\nend_when(lambda: time.monotonic() > at, look_every_s=0.05)\n"
        "import threading; threading.Event().wait(30)\n"
    )
    assert process.returncode == 1
    assert 'File "<string>", line 6' in process.stderr
