"""How much memory a program and all that it started use together."""

import os
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")
# What no file on a disk could give back. Page tables, because what is only read needs them, too.
_OWN: Final = ("RssAnon", "RssShmem", "VmSwap")
_TABLES: Final = ("VmPTE",)
# The same, of pages that several processes have in common only a share for each.
_SHARES: Final = ("Pss_Anon", "Pss_Shmem", "SwapPss")


@dataclass(slots=True, kw_only=True)
class Watch:
    """Looks now and then at a program that leads a group: a look takes a millisecond or two."""

    leader: int
    most: int
    every_s: float
    next_at: float = 0.0

    def is_over(self) -> bool:
        """Say whether they use more now; between two looks, say no."""
        now = time.monotonic()
        if now < self.next_at:
            return False
        self.next_at = now + self.every_s
        # Who was forked has all that its parent had: only where that is too much we look closer.
        members = list(_members(self.leader))
        return sum(map(_at_most, members)) > self.most and sum(map(_exactly, members)) > self.most


def _members(leader: int) -> Iterator[Path]:
    """Name its group, which not everybody can leave, and the children of all these."""
    children: dict[int, list[int]] = defaultdict(list)
    found: list[int] = []
    for number in _processes():
        parent, group = _kin(number)
        children[parent].append(number)
        if group == leader:
            found.append(number)
    seen: set[int] = set()
    while found:
        one = found.pop()
        if one not in seen:
            seen.add(one)
            found += children[one]
            yield _PROC / str(one)


def _processes() -> list[int]:
    # As text: it is done often, and a `Path` for each costs several times as much.
    names = os.listdir(_PROC) if sys.platform == "linux" else ()  # noqa: PTH208
    return [int(name) for name in names if name.isdigit()]


def _kin(number: int) -> tuple[int, int]:
    """Read who started it, and its group."""
    try:
        with open(f"/proc/{number}/stat", "rb", buffering=0) as file:  # noqa: PTH123  # as above
            # Its name stands in brackets before, and may be anything.
            _, parent, group, *_ = file.read().rpartition(b")")[2].split()
    except (OSError, ValueError):
        return 0, 0
    return int(parent), int(group)


def _at_most(place: Path) -> int:
    return _sum(place / "status", (*_OWN, *_TABLES))


def _exactly(place: Path) -> int:
    """Add its shares; who may not see them takes all that it has."""
    shares = _sum(place / "smaps_rollup", _SHARES)
    return shares + _sum(place / "status", _TABLES) if shares else _at_most(place)


def _sum(file: Path, names: tuple[str, ...]) -> int:
    """Add up lines of KiB; who has ended has nothing."""
    try:
        lines = [line.partition(":") for line in file.read_text(errors="replace").splitlines()]
    except OSError:
        return 0
    return sum(int(value.split()[0]) << 10 for name, _, value in lines if name in names)
