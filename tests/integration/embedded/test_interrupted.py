"""Whoever is interrupted while a process is being started still knows that process, and ends it."""

import _thread
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest
from typing_extensions import override

from agent_workers.embedded.interrupts import uninterrupted
from agent_workers.embedded.processes import run_to_end
from agent_workers.embedded.server_process import Launch, ServerProcess

LONG = "import time; time.sleep(600)"


@pytest.fixture(autouse=True)
def ctrl_c() -> Iterator[None]:
    """A shell that runs its tests in the background ignores Ctrl-C for all of them."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class Sleeping(ServerProcess):
    """A server that never gets ready, known by a word of its command line."""

    in_order = at_once = ()

    def __init__(self, folder: Path, word: str) -> None:
        super().__init__(folder, "server", port=1)
        self._word = word

    @property
    @override
    def _program(self) -> str:
        return "python"

    @property
    @override
    def _pid_file(self) -> Path:
        return self.folder / "pid"

    @property
    @override
    def _says(self) -> str:
        return self._word

    @override
    def _prepare(self) -> None:
        pass

    @override
    def _launch(self) -> Launch:
        command = [sys.executable, "-c", LONG, self._word]
        return Launch(command=command, is_ready=lambda _: False, patience_s=60)


@contextmanager
def interrupted_after(seconds: float) -> Iterator[None]:
    """Raise KeyboardInterrupt in the main thread, so long after the beginning."""
    going = threading.Barrier(2)

    def interrupt() -> None:
        going.wait()
        time.sleep(seconds)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with suppress(KeyboardInterrupt):
        going.wait()
        yield
        time.sleep(60)
    thread.join()


def named(word: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.status() != psutil.STATUS_ZOMBIE and word in process.cmdline():
                found.append(process)
    return found


@pytest.mark.parametrize("milliseconds", [number / 4 for number in range(40)])
def test_a_server_that_was_just_born_is_ended(tmp_path: Path, milliseconds: float):
    word = f"{tmp_path}-{milliseconds}"
    server = Sleeping(tmp_path, word)
    with interrupted_after(milliseconds / 1000):
        server._begin(server._launch())
    server.kill()
    assert named(word) == []


@pytest.mark.parametrize("milliseconds", [0, 1, 2, 3, 5, 8, 50])
def test_a_program_that_was_to_run_to_its_end_is_ended_with_what_it_started(
    tmp_path: Path, milliseconds: float
):
    word = f"{tmp_path}-{milliseconds}"
    inner = [sys.executable, "-c", LONG, word]
    starting_another = f"import subprocess; subprocess.run({inner!r})"
    with interrupted_after(milliseconds / 1000):
        run_to_end([sys.executable, "-c", starting_another, word], account=None)
    assert named(word) == []


def test_a_program_is_ended_by_a_signal_that_comes_just_before_it_is_waited_for(
    tmp_path: Path,
) -> None:
    """Such a signal is noted, and interrupts no system call."""
    over = tmp_path / "over"
    program = f"import time, pathlib; time.sleep(20); pathlib.Path({str(over)!r}).touch()"
    noted = threading.Timer(0.3, _thread.interrupt_main)
    noted.start()
    with pytest.raises(KeyboardInterrupt):
        run_to_end([sys.executable, "-c", program, str(over)], account=None)
    assert named(str(over)) == []
    assert not over.exists()


def test_a_signal_that_comes_in_between_is_answered_at_the_end():
    done: list[str] = []

    def begin_something() -> None:
        with uninterrupted():
            os.kill(os.getpid(), signal.SIGINT)
            done.append("begun")

    with pytest.raises(KeyboardInterrupt):
        begin_something()
    assert done == ["begun"]


@pytest.mark.parametrize("way", [signal.SIG_IGN, signal.SIG_DFL])
def test_a_signal_that_nobody_in_python_answers_is_left_alone(way: signal.Handlers):
    before = signal.signal(signal.SIGHUP, way)
    with uninterrupted():
        assert signal.getsignal(signal.SIGHUP) == way
    signal.signal(signal.SIGHUP, before)


def test_what_answers_a_signal_is_what_answered_it_before():
    def answer(*_: object) -> None:
        pass

    before = signal.signal(signal.SIGHUP, answer)
    with uninterrupted():
        pass
    assert signal.signal(signal.SIGHUP, before) is answer


def test_a_thread_has_nothing_to_hold_back():
    done: list[str] = []

    def begin_something() -> None:
        with uninterrupted():
            done.append("begun")

    thread = threading.Thread(target=begin_something)
    thread.start()
    thread.join()
    assert done == ["begun"]
