"""CPU time and memory by kind of process, read from /proc; a server's children count as it."""

import os
from collections.abc import Mapping
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PARENT, _USER, _SYSTEM, _WAITED_USER, _WAITED_SYSTEM = 1, 11, 12, 13, 14


def cpu_seconds(roots: Mapping[str, int]) -> dict[str, float]:
    """Return the CPU seconds used so far by each root process with all that it has started."""
    stats = _stats()
    children: dict[int, list[int]] = {}
    for pid, fields in stats.items():
        children.setdefault(int(fields[_PARENT]), []).append(pid)
    return {name: _used(pid, stats, children) for name, pid in roots.items()}


def resident_mib(pid: int) -> float:
    """Return the resident memory of one process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1024 / 1024


def _used(pid: int, stats: Mapping[int, list[str]], children: Mapping[int, list[int]]) -> float:
    if pid not in stats:
        return 0.0
    fields = stats[pid]
    ticks = sum(int(fields[i]) for i in (_USER, _SYSTEM, _WAITED_USER, _WAITED_SYSTEM))
    return ticks / _TICKS + sum(_used(child, stats, children) for child in children.get(pid, ()))


def _stats() -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                stat = (folder / "stat").read_text("ascii", "replace")
            except OSError:
                continue
            found[int(folder.name)] = stat.rpartition(")")[2].split()
    return found
