"""How a process ended, as we see it: by a signal, by the words of bubblewrap, or by our own clock."""

import signal
from datetime import timedelta

import pytest

from agent_workers.execution.sandbox.confining.processes import Ended
from agent_workers.execution.sandbox.ports import Bounds, Died, Ran, TimedOut
from agent_workers.execution.sandbox.python.answers import out_of_time, ran

BOUNDS = Bounds(wall=timedelta(seconds=2))


def ended(code: int, *, timed_out: bool = False) -> Ended:
    return Ended(output=b"", said="", code=code, timed_out=timed_out)


@pytest.mark.parametrize(
    ("how", "outcome"),
    [
        (ended(0, timed_out=True), TimedOut(timedelta(seconds=2))),
        (ended(-signal.SIGALRM), TimedOut(timedelta(seconds=2))),
        (ended(128 + signal.SIGXCPU), TimedOut(timedelta(seconds=2))),
        (ended(-signal.SIGSEGV), Died("ended by SIGSEGV")),
        (ended(128 + signal.SIGKILL), Died("ended by SIGKILL")),
        (ended(1), Died("exit code 1")),
        (ended(0), Died("it ended without an answer")),
    ],
)
def test_each_way_to_end_has_its_outcome(how: Ended, outcome: Ran) -> None:
    assert ran(how, BOUNDS) == outcome
    assert out_of_time(how) == isinstance(outcome, TimedOut)
