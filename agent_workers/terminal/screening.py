"""Where all that a command says goes by: only what we mean to be one reaches a terminal as a command."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any, TextIO

from agent_workers.domain.text.printable import printable

BOLD, DIM, RED, GREEN = "1", "2", "31", "32"
_YELLOW = "33"
_PLAIN = "\033[0m"
_OF_STATUS = {
    "succeeded": GREEN,
    "done": GREEN,
    "failed": RED,
    "canceled": DIM,
    "queued": "",
    "ready": "",
    "running": "36",
    "claimed": "36",
}


class Screen:
    """A stream that takes text from anybody, and makes it printable."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        return self.stream.write(printable(text))

    def writelines(self, lines: list[str]) -> None:
        for line in lines:
            self.write(line)

    # Any: whatever else one asks of a stream.
    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self.stream, name)


@contextmanager
def screened() -> Iterator[None]:
    """Make printable whatever is said inside, on both streams."""
    with (
        redirect_stdout(Screen(sys.stdout)),
        redirect_stderr(Screen(sys.stderr)),
    ):
        yield


def command(words: str, *, to: TextIO) -> None:
    """Tell the terminal itself something: only of our own, never of what others wrote."""
    (to.stream if isinstance(to, Screen) else to).write(words)


def status_style(status: str) -> str:
    """Return the colour in which the status of a job or a step is told."""
    return _OF_STATUS.get(status, _YELLOW)


def styled(style: str, text: str, *, end: str = "\n") -> None:
    """Print a text in a style, as 1 for bold; without one where nobody would see it."""
    if not style or not sys.stdout.isatty():
        print(text, end=end, flush=True)
        return
    command(f"\033[{style}m", to=sys.stdout)
    print(text, end="")
    command(_PLAIN, to=sys.stdout)
    print(end=end, flush=True)
