"""Ctrl-C and SIGTERM at any moment of a program's start: it ends, soon, and without a traceback."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from agent_workers.local import programs
from agent_workers_launch import STOPS

_PROGRAMS = {
    "cli": "agent_workers.cli.main",
    "api": programs.API,
    "worker": programs.WORKER,
    "beat": programs.BEAT,
    "flower": programs.FLOWER,
    "webhooks": programs.WEBHOOKS,
}
# From before Python itself has started to the middle of its imports.
_MOMENTS_S = (0.0, 0.1, 0.4)
_SETTINGS = {
    "AGENT_DATABASE_URL": "postgresql://me@127.0.0.1:1/agent",
    "AGENT_BROKER_URL": "redis://127.0.0.1:1/0",
    "AGENT_SECRET_PEPPER": "sixteen characters",
}


@pytest.fixture(autouse=True)
def _heeds_interrupts() -> Iterator[None]:
    """What a shell runs in the background ignores Ctrl-C, and so would all that we start."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@contextmanager
def started(module: str) -> Iterator["subprocess.Popen[str]"]:
    # As `cli/start/becoming.py` does for the program that it becomes, which inherits it.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
    process = subprocess.Popen(
        [sys.executable, "-m", "agent_workers_launch", module],
        env={**os.environ, **_SETTINGS},  # noqa: TID251 (a child gets ours)
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("number", STOPS)
def test_a_signal_in_the_first_second_ends_a_program_without_a_word(number: int) -> None:
    with ExitStack() as stack:
        all_of_them = [
            (name, moment, stack.enter_context(started(module)))
            for moment in _MOMENTS_S
            for name, module in _PROGRAMS.items()
            if moment == 0.0 or name in {"worker", "beat"}
        ]
        for moment in _MOMENTS_S:
            time.sleep(moment)
            for _, at, process in all_of_them:
                if at == moment:
                    process.send_signal(number)
        said = {
            (n, at): (one.communicate(timeout=30)[0], one.returncode) for n, at, one in all_of_them
        }
    assert set(said.values()) == {("", -number)}, said


@pytest.mark.parametrize("number", STOPS)
def test_a_program_that_waits_for_postgres_ends_at_once(number: int) -> None:
    with started(programs.WEBHOOKS) as process:
        assert process.stdout is not None
        assert "waiting_for_database" in process.stdout.readline()
        process.send_signal(number)
        assert process.communicate(timeout=10)[0] == ""
        assert process.returncode == -number
