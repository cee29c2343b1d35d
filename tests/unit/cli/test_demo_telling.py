"""What the demo says while nothing happens: a newcomer must not take a slow machine for a hang."""

import time

import pytest

from agent_workers.cli.demo.telling import Telling

A_MOMENT_S = 0.02


def test_silence_is_broken_by_what_the_demo_waits_for(capsys: pytest.CaptureFixture[str]) -> None:
    out = ""
    with Telling(silent_s=A_MOMENT_S).waiting_for("the payment"):
        deadline = time.monotonic() + 10
        while out.count("  still waiting for the payment (0 s)\n") < 2:
            assert time.monotonic() < deadline, out
            time.sleep(A_MOMENT_S)
            out += capsys.readouterr().out


def test_what_is_told_in_time_is_all_that_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    telling = Telling(silent_s=60)
    with telling.waiting_for("the payment"):
        telling.line("paid")
    assert capsys.readouterr().out == "  paid\n"
