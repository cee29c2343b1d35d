"""Numbers and how to say them: medians, percentiles, and CPU time per job by process."""

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from agent_workers.bench.cpu import cpu_seconds
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
