"""Which ticks of a schedule fire now, and which are skipped because nobody fired them in time."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from agent_workers.domain.schedules.schedule import CatchUp, Timing, last_fire, next_fire

# A tick that is less than this late is on time, whatever the policy: beats restart, hosts stall.
ON_TIME = timedelta(minutes=1)
# Of one schedule in one transaction; the others follow in the next.
MOST_AT_ONCE = 100
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class SkippedTicks:
    """The ticks from the first to the last of them did not fire."""

    first: datetime
    last: datetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DueTicks:
    """What to do about a schedule that is due; `following` is when it is due next."""

    fires: tuple[datetime, ...]
    skipped: SkippedTicks | None
    following: datetime | None


def due_ticks(
    timing: Timing, due_at: datetime, now: datetime, *, catch_up: CatchUp, window: timedelta
) -> DueTicks:
    """Decide about every tick from `due_at`, which nobody has fired yet, to `now`."""
    begin = _begin(timing, due_at, now, catch_up, max(window, ON_TIME))
    tick = due_at if due_at >= begin else next_fire(timing, begin - _TICK)
    fires: list[datetime] = []
    while tick is not None and tick <= now and len(fires) < MOST_AT_ONCE:
        fires.append(tick)
        tick = next_fire(timing, tick)
    return DueTicks(
        fires=tuple(fires), skipped=_skipped(timing, due_at, begin, catch_up), following=tick
    )


def _begin(
    timing: Timing, due_at: datetime, now: datetime, catch_up: CatchUp, window: timedelta
) -> datetime:
    """Return the instant from which ticks still fire."""
    on_time, oldest = now - ON_TIME + _TICK, now - window
    match catch_up:
        case CatchUp.NONE:
            return on_time
        case CatchUp.LAST:
            newest = last_fire(timing, now, since=due_at) or due_at
            return max(min(newest, on_time), oldest)
        case CatchUp.ALL:
            return min(oldest, on_time)


def _skipped(
    timing: Timing, due_at: datetime, begin: datetime, catch_up: CatchUp
) -> SkippedTicks | None:
    if due_at >= begin:
        return None
    last = last_fire(timing, begin - _TICK, since=due_at) or due_at
    reason = "outside_window" if catch_up is CatchUp.ALL else "missed"
    return SkippedTicks(first=due_at, last=last, reason=reason)
