"""Reads the trouble out of an exception: whose line raised it, and the way there without secrets."""

import os
import sysconfig
from contextlib import suppress
from pathlib import Path
from traceback import TracebackException
from types import TracebackType
from typing import Final

from agent_workers.domain.errors import AgentWorkersError, Escaped
from agent_workers.domain.text.places import short_name
from agent_workers.domain.text.redaction import ended_at_word, without_secrets
from agent_workers.domain.trouble import MOST_OF_TRACEBACK, Trouble, shortened

_OURS: Final = Path(__file__).parents[1]
_LIBRARIES: Final = (
    _OURS,
    Path(os.__file__).parent,
    *(Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib", "purelib", "platlib")),
)
_INSTALLED: Final = frozenset({"site-packages", "dist-packages"})
# Before the middle is cut out; only code that calls itself deeply has more.
_LOOKED_THROUGH: Final = 16 * MOST_OF_TRACEBACK
_LONGEST_PIECE: Final = 2_000


def trouble_of(error: BaseException, folder: str = "") -> Trouble:
    """Say what is known of an exception; whatever it is made of, this does not fail.

    Files are named from `folder`, or else from the current one.
    """
    if isinstance(error, Escaped) and error.__cause__ is not None:
        error = error.__cause__
    if isinstance(error, AgentWorkersError) and error.trouble is not None:
        return error.trouble
    steps = _steps(error.__traceback__)
    users = [index for index, step in enumerate(steps) if _is_users(_file(step))]
    trouble = Trouble(type=type(error).__name__)
    if isinstance(error, AgentWorkersError) and not users:
        return trouble  # raised on purpose, and by no line of the user's
    with suppress(Exception):  # an exception's own code may do anything
        trouble = Trouble(
            type=type(error).__name__,
            where=_where(steps[users[-1] if users else -1], folder) if steps else "",
            # From the first of the user's frames: those that call them are always the same.
            traceback=_told(error, steps[users[0]] if users else error.__traceback__),
        )
    return trouble


def _steps(at: TracebackType | None) -> list[TracebackType]:
    steps = []
    while at is not None:
        steps.append(at)
        at = at.tb_next
    return steps


def _file(step: TracebackType) -> str:
    return step.tb_frame.f_code.co_filename


def _is_users(file: str) -> bool:
    path = Path(file)
    if file.startswith("<frozen ") or not _INSTALLED.isdisjoint(path.parts):
        return False
    return not any(path.is_relative_to(library) for library in _LIBRARIES)


def _where(step: TracebackType, folder: str) -> str:
    return f"{short_name(_file(step), folder)}:{step.tb_lineno} in {step.tb_frame.f_code.co_name}"


def _told(error: BaseException, begins: TracebackType | None) -> str:
    told = TracebackException(type(error), error, begins, compact=True)
    # Each by itself, or a message of megabytes would stand in the way of the frames behind it.
    whole = "".join(ended_at_word(piece, _LONGEST_PIECE) for piece in told.format())
    return shortened(without_secrets(whole, longest=_LOOKED_THROUGH).splitlines(keepends=True))
