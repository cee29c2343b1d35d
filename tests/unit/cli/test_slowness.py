"""A command that takes long says once what it is doing; a quick one says nothing of it."""

import threading

import pytest

from agent_workers.terminal.slowness import told_when_slow


def timer_of(before: set[threading.Thread]) -> threading.Thread:
    [timer] = set(threading.enumerate()) - before
    return timer


def test_what_takes_long_is_said_while_it_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    before = set(threading.enumerate())
    with told_when_slow("loading the model library…", after_s=0.5):
        timer_of(before).join(10)
        assert capsys.readouterr().err == "loading the model library…\n"


def test_of_what_is_done_in_time_nothing_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    before = set(threading.enumerate())
    with told_when_slow("loading the model library…", after_s=60):
        timer = timer_of(before)
    timer.join(10)
    assert (timer.is_alive(), capsys.readouterr().err) == (False, "")
