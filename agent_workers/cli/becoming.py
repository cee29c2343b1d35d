"""Becomes another of our programs: one process, one pid, signals go straight to it."""

import os
from collections.abc import Mapping, Sequence
from typing import NoReturn

from agent_workers.cli import programs
from agent_workers.settings import PREFIX


def become(
    module: str, changed: Mapping[str, str | None], *, options: Sequence[str] = ()
) -> NoReturn:
    """Replace this process; what was said on the command line goes down as variables."""
    said = {f"{PREFIX}{name}": value for name, value in changed.items() if value is not None}
    kept = {k: v for k, v in os.environ.items() if k.removesuffix("_FILE") not in said}
    command = [*programs.PYTHON, module, *options]
    os.execve(command[0], command, {**kept, **said})  # noqa: S606 (that is the point of it)
