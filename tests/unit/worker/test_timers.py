"""The kernel's timer: the earliest deadline counts, and no freeze makes it later."""

import os
import signal
import time
from collections.abc import Iterator

import pytest

from agent_workers.worker.parts.timers import KernelTimer


@pytest.fixture(autouse=True)
def _off() -> Iterator[None]:
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)


def left_s() -> float:
    return signal.getitimer(signal.ITIMER_REAL)[0]


def test_the_earliest_deadline_is_what_the_kernel_keeps() -> None:
    timer = KernelTimer()
    now = timer.now()
    with timer.armed(now + 50):
        assert 49 < left_s() <= 50
        with timer.armed(now + 30):
            assert 29 < left_s() <= 30
        with timer.armed(now + 90):
            assert 49 < left_s() <= 50
    assert left_s() == 0


def test_a_freeze_between_reading_the_clock_and_setting_the_timer_does_not_lengthen_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = signal.setitimer
    froze: list[float] = []

    def late(which: int, seconds: float) -> object:
        if seconds and not froze:
            froze.append(seconds)
            time.sleep(0.3)
        return real(which, seconds)

    monkeypatch.setattr(signal, "setitimer", late)
    timer = KernelTimer()
    deadline = timer.now() + 20
    with timer.armed(deadline):
        assert froze
        assert time.monotonic() + left_s() <= deadline + 0.05


def test_a_process_over_its_deadline_is_ended_by_the_kernel() -> None:
    child = os.fork()
    if child == 0:
        timer = KernelTimer()
        with timer.armed(timer.now() - 1):
            time.sleep(20)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGALRM
