"""When a program that ended is started again: at once, later, or not at all."""

from dataclasses import dataclass

from agent_workers.domain.running.exits import WRONG

# Who lived that long had started; what ended it is a new trouble, not the old one again.
LIVED_S = 10.0
FIRST_S, LONGEST_S = 0.5, 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """Start it after a pause; `failures` counts how often it ended soon after its start."""

    pause_s: float
    failures: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveUp:
    code: int


def after_end(*, code: int, lived_s: float, failures: int, was_up: bool) -> Again | GiveUp:
    """Decide what follows the end of a program that nobody asked to end."""
    if code == WRONG and not was_up:
        return GiveUp(code=code)
    if lived_s >= LIVED_S:
        return Again(pause_s=0.0, failures=0)
    pause_s = 0.0 if failures == 0 else min(LONGEST_S, FIRST_S * 2.0 ** min(failures - 1, 10))
    return Again(pause_s=pause_s, failures=failures + 1)
