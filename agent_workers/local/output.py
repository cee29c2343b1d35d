"""What supervised programs say: lines with a coloured name before them, or a log file each."""

import re
import threading
from pathlib import Path
from typing import IO

from agent_workers.embedded.private import append_to
from agent_workers.terminal.screening import styled

_COLOURS = (36, 33, 32, 35, 34, 96, 93, 92)
_OURS = "1"
_STYLE = re.compile(r"\033\[[0-9;]*m")
LONGEST_LOG = 10_000_000


class Lines:
    """Writes whole lines of many programs to one terminal."""

    def __init__(self, *, names: int = 13) -> None:
        self._width = names
        self._lock = threading.Lock()
        self._known: dict[str, int] = {}

    def say(self, name: str, line: str) -> None:
        with self._lock:
            colour = self._known.setdefault(name, len(self._known))
            self._print(name, str(_COLOURS[colour % len(_COLOURS)]), _STYLE.sub("", line))

    def announce(self, line: str) -> None:
        """Say something of our own."""
        with self._lock:
            self._print("up", _OURS, line)

    def follow(self, name: str, source: IO[bytes]) -> None:
        """Print what a program says until it ends."""
        threading.Thread(target=self._copy, args=(name, source), daemon=True).start()

    def _copy(self, name: str, source: IO[bytes]) -> None:
        with source:
            for line in source:
                self.say(name, line.decode("utf-8", "replace").rstrip("\n"))

    def _print(self, name: str, colour: str, line: str) -> None:
        styled(colour, f"{name:<{self._width}} |", end=" ")
        print(line, flush=True)


def open_log(path: Path) -> IO[bytes]:
    """Open a program's log for appending; one that grew too long is put aside."""
    if path.exists() and path.stat().st_size > LONGEST_LOG:
        path.replace(path.with_suffix(".log.1"))
    return append_to(path)


def last_words(path: Path, *, lines: int = 5) -> str:
    try:
        return " | ".join(path.read_text(errors="replace").splitlines()[-lines:])
    except FileNotFoundError:
        return ""
