"""One supervised program: started in a group of its own, recorded, ended with all it started."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from agent_workers.embedded.interrupts import uninterrupted
from agent_workers.embedded.leftovers import write_record
from agent_workers.local.folder import DataFolder
from agent_workers.local.marked import MARK, kill_group
from agent_workers.local.output import Lines, last_words, open_log


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What to run, under which name, and how long its orderly end may take."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    patience_s: float = 10.0
    # Where it says that it lives, if it can be asked.
    live_url: str = ""


class Child:
    """The process of a program; it is started again in the same object."""

    def __init__(self, program: Program, folder: DataFolder, lines: Lines | None) -> None:
        self.program = program
        self._folder = folder
        self._lines = lines
        self._record = folder.records / f"{program.name}.json"
        self._log = folder.logs / f"{program.name}.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def lived_s(self) -> float:
        return time.monotonic() - self._started_at

    def start(self) -> None:
        with uninterrupted():
            self._started_at = time.monotonic()
            self._process = self._spawn()
            # Of the command line only this much: they are told apart by their start times.
            write_record(self._record, pid=self._process.pid, says=self.program.command[-1])

    def code(self) -> int | None:
        """Return the exit code once it has ended; None while it runs."""
        return self._process.poll() if self._process else None

    def ask_to_end(self) -> None:
        self._send(signal.SIGTERM)
        # A frozen process hears nothing else before it.
        self._send(signal.SIGCONT)

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def end(self) -> None:
        """End it now if it still runs, and whatever it has left behind."""
        if self._process is None:
            return
        if self.runs:
            self._process.kill()
        self._process.wait()
        self.kill_group()
        self._record.unlink(missing_ok=True)
        self._process = None

    def kill(self) -> None:
        """Crash it, and only it, as kill -9 does."""
        self._send(signal.SIGKILL)

    def kill_group(self, group: int | None = None) -> None:
        """End what it started and left behind, now or in an earlier life."""
        leader = group or self.pid
        if leader is not None:
            kill_group(self._folder.path, leader)

    def last_words(self) -> str:
        return last_words(self._log)

    def _spawn(self) -> subprocess.Popen[bytes]:
        environment = {**self.program.environment, MARK: str(self._folder.path)}
        if self._lines is None:
            with open_log(self._log) as log:
                return self._popen(environment, log.fileno())
        process = self._popen(environment, subprocess.PIPE)
        assert process.stdout is not None
        self._lines.follow(self.program.name, process.stdout)
        return process

    def _popen(self, environment: Mapping[str, str], output: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self.program.command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            # Its own session: Ctrl-C reaches the supervisor alone, which then stops all in order.
            start_new_session=True,
        )

    def _send(self, number: signal.Signals) -> None:
        if self._process is not None and self.runs:
            with suppress(ProcessLookupError):
                os.kill(self._process.pid, number)
