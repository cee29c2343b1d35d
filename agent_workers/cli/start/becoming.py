"""Becomes another of our programs: one process, one pid, signals go straight to it."""

import os
import signal
from collections.abc import Mapping, Sequence
from typing import NoReturn

from agent_workers.local import programs
from agent_workers.settings import PREFIX
from agent_workers_launch import STOPS


def become(
    module: str, changed: Mapping[str, str | None], *, options: Sequence[str] = ()
) -> NoReturn:
    """Replace this process; what was said on the command line goes down as variables."""
    said = {f"{PREFIX}{name}": value for name, value in changed.items() if value is not None}
    kept = {k: v for k, v in os.environ.items() if k.removesuffix("_FILE") not in said}
    command = [*programs.START, module, *options]
    # They wait until the program can answer: while Python starts, Ctrl-C is a traceback.
    signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
    os.execve(command[0], command, {**kept, **said})  # noqa: S606 (that is the point of it)
