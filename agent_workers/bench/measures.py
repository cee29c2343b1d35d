"""Numbers and how to say them: medians, percentiles, and CPU time per job by process."""

import os
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from agent_workers.bench.stage import Stage


@dataclass(slots=True)
class CpuMeter:
    """CPU milliseconds per job by process, between its making and `per`."""

    stage: Stage
    _before: dict[str, float] = field(init=False)
    _own: float = field(init=False)

    def __post_init__(self) -> None:
        self._before = cpu_seconds(self.stage.roots())
        self._own = time.process_time()

    def per(self, jobs: int) -> dict[str, float]:
        now = cpu_seconds(self.stage.roots())
        used = {name: 1000 * (now[name] - self._before.get(name, 0)) / jobs for name in now}
        return {**used, "client": 1000 * (time.process_time() - self._own) / jobs}


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that this share of all stays at or under."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def spread(values: Sequence[float], unit: str) -> str:
    """Say minimum, median and maximum."""
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{middle:.1f} {unit} (median of {len(values)}; {low:.1f} to {high:.1f})"


def by_process(used: Mapping[str, float]) -> str:
    parts = ", ".join(f"{name} {ms:.2f}" for name, ms in sorted(used.items()))
    return f"CPU ms per job: {sum(used.values()):.2f} ({parts})"


def say(line: str = "") -> None:
    print(line, flush=True)


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
