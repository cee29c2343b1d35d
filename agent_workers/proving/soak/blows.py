"""What was done to whom and when, so that what follows can be held against it."""

import math
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

# Clocks of one machine, and the time between a blow and its note.
_SLACK_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Blow:
    name: str
    # 0: everybody, as when Postgres crashes.
    pid: int
    began_at: float
    ended_at: float

    def fell_within(self, since: float, until: float) -> bool:
        return self.began_at - _SLACK_S <= until and since <= self.ended_at + _SLACK_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A claim of a step: which process held it from when to when at the most."""

    pid: int
    since: float
    until: float


@dataclass(slots=True)
class Blows:
    """All of them, from any thread."""

    counts: Counter[str] = field(default_factory=Counter)
    _all: list[Blow] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def fall(self, name: str, *pids: int, seconds: float = 0.0, counts: bool = True) -> None:
        """Note a blow to these processes, or to everybody; of one that kills the end is open."""
        now = time.time()
        ended_at = now + seconds if seconds else math.inf
        with self._lock:
            self.counts[name] += counts
            self._all += [
                Blow(name=name, pid=pid, began_at=now, ended_at=ended_at) for pid in pids or (0,)
            ]

    def died(self, name: str, holders: Sequence[Held]) -> None:
        """Note that these processes died of what they held, which nobody saw at the time."""
        with self._lock:
            self.counts[name] += len(holders)
            self._all += [
                Blow(name=name, pid=one.pid, began_at=one.since, ended_at=math.inf)
                for one in holders
            ]

    def struck(self, held: Held) -> bool:
        """Say whether a blow fell upon the process that held a step, while it did."""
        return any(
            one.pid == held.pid and one.fell_within(held.since, held.until) for one in self._all
        )

    def disturbed(self, since: float, until: float) -> bool:
        """Say whether anything befell everybody meanwhile."""
        return any(not one.pid and one.fell_within(since, until) for one in self._all)

    def fell(self, name: str, since: float, until: float) -> bool:
        """Say whether this befell anybody meanwhile."""
        return any(one.name == name and one.fell_within(since, until) for one in self._all)

    def told(self) -> str:
        return ", ".join(f"{count} {name}" for name, count in sorted(self.counts.items()))
