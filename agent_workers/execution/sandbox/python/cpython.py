"""CPython in a process of its own: behind bubblewrap, or only with bounds and a user of its own."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from agent_workers.execution.sandbox.confining.confined import Boundary, confine
from agent_workers.execution.sandbox.confining.processes import run_bounded
from agent_workers.execution.sandbox.ports import Allowed, Bounds, NoBoundary, Program, Ran, Refused
from agent_workers.execution.sandbox.python.answers import longest, ran

_RUNNER = Path(__file__).with_name("runner.py")
_LONGEST_SOURCE: Final = 256 << 10
_PLAIN: Final = ("-I", "-S", "-X", "utf8", "-c")


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfinedPython:
    """Runs programs in this interpreter's version of Python, with its standard library."""

    boundary: Boundary
    python: str = sys.executable
    hides: Sequence[Path] = ()

    @property
    def name(self) -> str:
        return self.boundary.value

    def run(self, program: Program, bounds: Bounds) -> Ran:
        given = request_of(program, bounds)
        if isinstance(given, Refused):
            return given
        try:
            confined = confine(
                [self.python, *_PLAIN, runner()],
                allowed=Allowed(hides=self.hides),
                bounds=bounds,
                boundary=self.boundary,
            )
        except NoBoundary as error:
            return Refused(str(error))
        ended = run_bounded(
            confined.argv,
            confined.environment,
            given=given,
            most=longest(bounds),
            wall=wall_of(bounds),
        )
        return ran(ended, bounds)


def runner() -> str:
    """Return the source that runs inside, whatever Python it is there."""
    return _RUNNER.read_text(encoding="utf-8")


def request_of(program: Program, bounds: Bounds) -> bytes | Refused:
    """Write what `runner.py` is told."""
    told = {"source": program.source, "given": dict(program.given), "most": bounds.output}
    try:
        written = json.dumps(told, allow_nan=False).encode("ascii")
    except (TypeError, ValueError, RecursionError) as error:
        return Refused(f"`given` is not JSON: {error}")
    if len(program.source) > _LONGEST_SOURCE:
        return Refused(f"the program is longer than {_LONGEST_SOURCE} characters")
    return written


def wall_of(bounds: Bounds) -> timedelta:
    return bounds.wall or timedelta(minutes=1)
