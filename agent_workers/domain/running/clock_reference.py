"""Whether Postgres's clock ran ahead of the time that passed here: pure, both clocks are passed in."""

from dataclasses import dataclass
from datetime import datetime, timedelta

# Clocks that run at the same rate to within one percent, and what a slow reply may seem to add.
_RATE = 0.01
_READING = timedelta(milliseconds=250)


def tolerance(elapsed: timedelta) -> timedelta:
    """How far two clocks may drift apart in a span before it is called a jump."""
    return elapsed * _RATE + _READING


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockReference:
    """What Postgres's clock said at a moment of our own monotonic clock (in seconds)."""

    theirs: datetime
    ours: float

    def ahead(self, theirs: datetime, ours: float) -> timedelta:
        """How much more time passed there than here; negative where less did."""
        return (theirs - self.theirs) - timedelta(seconds=ours - self.ours)

    def ran_ahead(self, theirs: datetime, ours: float) -> bool:
        """Say whether it jumped forward since, or stood here while we were paused."""
        elapsed = timedelta(seconds=max(ours - self.ours, 0.0))
        return self.ahead(theirs, ours) > tolerance(elapsed)
