"""Monty: a Python of its own, written in Rust, without files, network, processes or ctypes.

Each run has a new Monty process, which itself is behind the strongest boundary of this machine:
two walls, of which either would do. No value of a program ever becomes an object of ours by
itself: a result of lists that contain one another would fill our memory. It comes as JSON text.
"""

import os
import shlex
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from pydantic_monty import (
    CollectString,
    Monty,
    MontyConversionError,
    MontyCrashedError,
    MontyError,
    MontySession,
    MontySyntaxError,
    ResourceLimits,
)

from agent_workers.execution.sandbox.confining.confined import confine
from agent_workers.execution.sandbox.ports import (
    MIB,
    Allowed,
    Bounds,
    Died,
    Finished,
    NoBoundary,
    OutOfMemory,
    Program,
    Raised,
    Ran,
    Refused,
    TimedOut,
    TooMuchOutput,
)
from agent_workers.execution.sandbox.python.answers import NotJson, read_json
from agent_workers.execution.sandbox.python.cpython import request_of, wall_of

# The program is a value here, not source: no trick of syntax makes its last value ours.
_RUN: Final = "result = None\nexec(agent_workers_source)\nNone"
_SHOW: Final = "import json\nprint(json.dumps(result))\nNone"
_SOURCE: Final = "agent_workers_source"
_DEPTH: Final = 200
_GRACE_S: Final = 1.0
_STARTING: Final = timedelta(seconds=10)
_OWN_MEMORY: Final = 256 * MIB
_MFD_EXEC: Final = 0x10


@dataclass(frozen=True, slots=True, kw_only=True)
class MontySandbox:
    """Runs a large subset of Python, with json, re, datetime, math and a few more."""

    hides: Sequence[Path] = ()

    @property
    def name(self) -> str:
        return "monty"

    def run(self, program: Program, bounds: Bounds) -> Ran:
        refused = request_of(program, bounds)
        if isinstance(refused, Refused):
            return refused
        if not all(name.isidentifier() for name in program.given):
            return Refused("the names in `given` must be names of Python variables")
        printed, shown = CollectString(bounds.output), CollectString(bounds.output)
        try:
            with _session(bounds, self.hides) as session:
                given = {**program.given, _SOURCE: program.source}
                session.feed_run(_RUN, inputs=given, print_callback=printed)
                session.feed_run(_SHOW, print_callback=shown)
        except MontyError as error:
            return _ended(error, bounds, printed.output)
        except NoBoundary as error:
            return Refused(str(error))
        except (OSError, RuntimeError, TimeoutError) as error:
            return Died(f"Monty does not start: {error}")
        return _finished(shown.output, printed.output, bounds)


def why_no_monty() -> str:
    """Say why Monty cannot run here; nothing when it can."""
    if not _binary().is_file():
        return "pydantic-monty-runtime is not installed"
    try:
        confine([str(_binary())])
    except NoBoundary as error:
        return str(error)
    return ""


@contextmanager
def _session(bounds: Bounds, hides: Sequence[Path]) -> Iterator[MontySession]:
    limits = ResourceLimits(
        max_feed_duration_secs=wall_of(bounds).total_seconds(),
        max_memory=bounds.memory,
        max_recursion_depth=_DEPTH,
    )
    with (
        _starter(bounds, hides) as starter,
        Monty(
            binary_path=starter,
            max_processes=1,
            request_timeout=(wall_of(bounds) + _STARTING).total_seconds(),
            feed_duration_limit_grace=_GRACE_S,
        ) as pool,
        pool.checkout(limits=limits, os_policy={"sleep": "zero"}) as session,
    ):
        yield session


@contextmanager
def _starter(bounds: Bounds, hides: Sequence[Path]) -> Iterator[str]:
    """Write the file that starts Monty: with bounds, and with an empty environment."""
    around = Bounds(
        wall=wall_of(bounds) * 2 + _STARTING,
        cpu=wall_of(bounds) * 2,
        memory=bounds.memory + _OWN_MEMORY,
        files=bounds.files,
        disk=bounds.disk,
    )
    confined = confine([str(_binary())], allowed=Allowed(hides=hides), bounds=around)
    words = shlex.join(["/usr/bin/env", "-i", *confined.argv])
    script = f'#!/bin/sh\nexec {words} "$@"\n'
    kept = _memory_file()
    with _in_a_folder(script) if kept is None else _in_memory(script, kept) as starter:
        yield starter


def _memory_file() -> int | None:
    """Open a file that only whoever has it open can see; None where none may be executed."""
    if sys.platform != "linux":
        return None
    for flags in (_MFD_EXEC, 0):  # older kernels do not know the first, and need none
        with suppress(OSError):
            return os.memfd_create("agent-workers-monty", flags)
    return None


@contextmanager
def _in_memory(script: str, kept: int) -> Iterator[str]:
    """Give the starter to the child as an open file: a killed worker leaves nothing behind."""
    try:
        os.write(kept, script.encode())
        os.fchmod(kept, 0o500)
        # The child knows it by the same number; the launcher closes it before Monty begins.
        yield f"/proc/self/fd/{kept}"
    finally:
        os.close(kept)


@contextmanager
def _in_a_folder(script: str) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="agent-workers-") as folder:
        starter = Path(folder, "monty")
        starter.write_text(script)
        os.chmod(starter, 0o700)  # noqa: PTH101
        yield str(starter)


def _binary() -> Path:
    return Path(sysconfig.get_path("scripts"), "monty")


def _ended(error: MontyError, bounds: Bounds, printed: str) -> Ran:
    """Say how a program ended that did not come to its end."""
    match error:
        case MontyCrashedError(timed_out=True):
            return TimedOut(wall_of(bounds))
        case MontyCrashedError():
            return Died(str(error))
        case MontySyntaxError():
            return Raised(error="SyntaxError", message=str(error))
        case MontyConversionError():
            return Refused(f"`given` cannot be used: {error}")
        case _:
            return _raised(error, bounds, printed)


def _raised(error: MontyError, bounds: Bounds, printed: str) -> Ran:
    inner, words = error.exception(), str(error)
    if isinstance(inner, TimeoutError) and "time limit exceeded" in words:
        return TimedOut(wall_of(bounds))
    if isinstance(inner, MemoryError):
        over = f"> {bounds.output} bytes" in words
        return TooMuchOutput(bounds.output) if over else OutOfMemory(bounds.memory)
    kind, _, message = words.partition(": ")
    return Raised(error=kind[:200], message=message[:2_000], printed=printed)


def _finished(shown: str, printed: str, bounds: Bounds) -> Ran:
    try:
        value = read_json(shown)
    except NotJson as error:
        return Raised(error="NotJson", message=f"its result cannot be returned: {error}")
    long = len(shown) + len(printed) > bounds.output
    return TooMuchOutput(bounds.output) if long else Finished(value=value, printed=printed)
