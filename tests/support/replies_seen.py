"""Which replies of the API the tests of a run have seen, told by all of its processes."""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.support.repository import ROOT

_NAME = "replies_seen"
_FOLDER = ROOT / "tests" / "integration" / "api"


@dataclass(frozen=True, slots=True)
class RepliesSeen:
    """The files of tests that ran, what they should see together, and what they have seen."""

    files: set[str] = field(default_factory=set)
    wanted: set[str] = field(default_factory=set)
    seen: set[str] = field(default_factory=set)

    def mistakes(self) -> list[str]:
        """Return what was never seen; a run of some files only says nothing."""
        whole = {path.name for path in _FOLDER.glob("test_*.py")}
        return sorted(self.wanted - self.seen) if whole <= self.files else []


ALL = RepliesSeen()


def tell(session: pytest.Session, *, wanted: set[str], seen: set[str]) -> None:
    """Tell what this process saw: to the process that started it, or it is the only one."""
    files = {Path(item.path).name for item in session.items if _FOLDER in Path(item.path).parents}
    told = {"files": sorted(files), "wanted": sorted(wanted), "seen": sorted(seen)}
    output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if output is None:
        add(told)
    else:
        output[_NAME] = told


def add(told: dict[str, list[str]]) -> None:
    ALL.files.update(told["files"])
    ALL.wanted.update(told["wanted"])
    ALL.seen.update(told["seen"])


def add_from(node: Any) -> None:
    """Add what a process of xdist saw, when it has ended."""
    told = getattr(node, "workeroutput", {}).get(_NAME)
    if told is not None:
        add(told)


def judge(session: pytest.Session) -> None:
    """Let a run that was whole and green fail when a reply was never seen."""
    mistakes = ALL.mistakes()
    if mistakes and not session.testsfailed and not session.config.option.keyword:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        told = f"no test has seen these replies of the API: {', '.join(mistakes)}"
        sys.stderr.write(f"\n{told}\n")
