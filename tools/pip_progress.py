"""Runs pip and says how far it is: on one line of a terminal, else a line every few seconds."""

import re
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path

# Of each package of a lock, the first word: from an index, from a folder, of another platform, there.
_FOUND = re.compile(r"(?:Collecting|Processing|Ignoring|Requirement already satisfied:) ")
_INSTALLING = re.compile(r"Installing collected packages")
_EVERY_S, _ON_TERMINAL_S = 5.0, 0.5
_KEPT_LINES = 30


def packages_in(lock: Path) -> int:
    """Count the packages that a lock file names."""
    return len(re.findall(r"^[A-Za-z0-9][\w.\-\[\]]*==", lock.read_text(), re.MULTILINE))


class Progress:
    """How far pip is, as heard from what it prints."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._found = 0
        self._installing = False
        self._began = time.monotonic()

    def hear(self, line: str) -> None:
        self._found += bool(_FOUND.match(line))
        self._installing = self._installing or bool(_INSTALLING.match(line))

    @property
    def words(self) -> str:
        passed = f"({time.monotonic() - self._began:.0f} s)"
        if self._installing:
            return f"setup: installing {self._total} packages {passed}"
        return f"setup: fetching package {min(self._found, self._total)} of {self._total} {passed}"


def run_pip(command: Sequence[str | Path], *, folder: Path, total: int) -> int:
    """Return pip's exit code; what it said last is shown if it failed."""
    progress, ended = Progress(total), threading.Event()
    told = threading.Thread(target=_tell, args=(progress, ended), daemon=True)
    said: deque[str] = deque(maxlen=_KEPT_LINES)
    with subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, text=True, errors="replace"
    ) as pip:
        assert pip.stdout is not None
        told.start()
        for line in pip.stdout:
            progress.hear(line)
            said.append(line)
    ended.set()
    told.join()
    if pip.returncode:
        sys.stderr.writelines(said)
    return pip.returncode


def _tell(progress: Progress, ended: threading.Event) -> None:
    on_terminal = sys.stdout.isatty()
    while not ended.wait(_ON_TERMINAL_S if on_terminal else _EVERY_S):
        print(f"\r{progress.words:<60}" if on_terminal else progress.words, end="")
        print(end="" if on_terminal else "\n", flush=True)
    if on_terminal:
        print(f"\r{'':<60}\r", end="", flush=True)
