"""Starts `agent-workers` as a user does, and finds every process that belongs to a data folder."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import psutil

from agent_workers.client.client import Client
from agent_workers.local.marked import MARK

COMMAND = (sys.executable, "-m", "agent_workers.cli.main")
# Busy machines start slowly; nobody waits that long unless something is wrong.
PATIENCE_S = 60.0


def environment() -> dict[str, str]:
    """Return ours without what would steer the system under test, or the width of what it prints."""
    ours = os.environ  # noqa: TID251 (a child gets all of it but our settings)
    return {
        name: value
        for name, value in ours.items()
        if not name.startswith("AGENT_") and name != "COLUMNS"
    }


def run(*arguments: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=cwd,
        env=environment() | variables,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def start(
    *arguments: str, cwd: Path, output: IO[bytes], command: Sequence[str] = COMMAND
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*command, *arguments],
        cwd=cwd,
        env=environment(),
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def wait_until(holds: Callable[[], bool], what: str, *, patience_s: float = PATIENCE_S) -> None:
    deadline = time.monotonic() + patience_s
    while not holds():
        assert time.monotonic() < deadline, f"waited in vain for: {what}"
        time.sleep(0.05)


def processes_of(folder: Path) -> list[psutil.Process]:
    """Return whatever runs for this folder: by its mark, or by its path on a command line."""
    return [one for one in psutil.process_iter() if _belongs(one, folder)]


def _belongs(process: psutil.Process, folder: Path) -> bool:
    with suppress(psutil.Error):
        if process.pid == os.getpid() or process.status() == psutil.STATUS_ZOMBIE:
            return False
        named = any(str(folder) in word for word in process.cmdline())
        return named or process.environ().get(MARK) == str(folder)
    return False


@dataclass(slots=True, kw_only=True)
class Up:
    """A running `agent-workers up`."""

    cwd: Path
    process: subprocess.Popen[bytes]
    log: Path
    folder: Path = field(init=False)

    def __post_init__(self) -> None:
        self.folder = self.cwd / ".agent-workers"

    @property
    def is_up(self) -> bool:
        """Whether the servers and the API are there; workers may still be on their way."""
        return self._has_said("Ctrl-C stops everything")

    @property
    def is_ready(self) -> bool:
        """Whether workers serve every lane, too, and their agents are known."""
        return self._has_said("ready: everything answers")

    def _has_said(self, words: str) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        return words in self.log.read_text()

    @property
    def surroundings(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "running.json").read_text())
        return found

    def client(self) -> Client:
        key = (self.folder / "api_key").read_text()
        return Client(self.surroundings["AGENT_API_URL"], key)

    def pid_of(self, program: str) -> int:
        record = json.loads((self.folder / "run" / f"{program}.json").read_text())
        return int(record["pid"])

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_S)


@contextmanager
def up(cwd: Path, *arguments: str, command: Sequence[str] = COMMAND) -> Iterator[Up]:
    """Start `up` in a folder and wait for it; whatever is left at the end is ended."""
    log = cwd / "up.log"
    with log.open("wb") as output:
        process = start("up", "--quiet", *arguments, cwd=cwd, output=output, command=command)
    running = Up(cwd=cwd, process=process, log=log)
    try:
        wait_until(lambda: running.is_up, "up")
        yield running
    finally:
        if process.poll() is None:
            running.stop()
        end_all(running.folder)


def end_all(folder: Path) -> None:
    for process in processes_of(folder):
        with suppress(psutil.Error):
            process.kill()
