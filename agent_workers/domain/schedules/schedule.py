"""A schedule: when it fires, what it starts, and the pure arithmetic of its next fire time."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

from agent_workers.domain.errors import AgentWorkersError
from agent_workers.domain.schedules.cron import (
    Cron,
    last_of_cron,
    next_of_cron,
    parse_cron,
    zone_named,
)

_TICK = timedelta(microseconds=1)


class ScheduleNotFound(AgentWorkersError):
    code = "schedule_not_found"


class ScheduleType(StrEnum):
    CRON = "cron"
    INTERVAL = "interval"
    ONCE = "once"


class ScheduleStatus(StrEnum):
    ACTIVE = "active"
    PAUSED = "paused"
    COMPLETED = "completed"


class Overlap(StrEnum):
    """What happens when a run is due and the one before has not ended."""

    SKIP = "skip"
    QUEUE = "queue"
    CANCEL_RUNNING = "cancel_running"
    ALLOW = "allow"


class CatchUp(StrEnum):
    """What becomes of ticks that nobody fired in time."""

    NONE = "none"
    LAST = "last"
    ALL = "all"


class RunState(StrEnum):
    WAITING = "waiting"
    STARTED = "started"
    ENDED = "ended"
    SKIPPED = "skipped"
    FAILED = "failed"


class Origin(StrEnum):
    """Who asked for a run."""

    SCHEDULE = "schedule"
    TRIGGER = "trigger"
    BACKFILL = "backfill"


@dataclass(frozen=True, slots=True, kw_only=True)
class CronRule:
    cron: Cron
    zone: ZoneInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class IntervalRule:
    """Every so often in real time, counted from the anchor."""

    every: timedelta
    anchor: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OnceRule:
    at: datetime


Rule = CronRule | IntervalRule | OnceRule


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """A rule within its bounds, both of which it may hit."""

    rule: Rule
    start_at: datetime | None = None
    end_at: datetime | None = None


def cron_timing(
    expression: str,
    timezone: str,
    *,
    start_at: datetime | None = None,
    end_at: datetime | None = None,
) -> Timing:
    """Read an expression and the name of its zone."""
    rule = CronRule(cron=parse_cron(expression), zone=zone_named(timezone))
    return Timing(rule=rule, start_at=start_at, end_at=end_at)


def next_fire(timing: Timing, after: datetime) -> datetime | None:
    """Return the first fire time behind `after`; None when it will never fire again."""
    if timing.start_at is not None:
        after = max(after, timing.start_at - _TICK)
    at = _next(timing.rule, after)
    ended = at is not None and timing.end_at is not None and at > timing.end_at
    return None if ended else at


def last_fire(timing: Timing, until: datetime, *, since: datetime) -> datetime | None:
    """Return the last fire time in `since` to `until`, both included."""
    if timing.end_at is not None:
        until = min(until, timing.end_at)
    if timing.start_at is not None:
        since = max(since, timing.start_at)
    at = None if until < since else _last(timing.rule, until, since)
    return None if at is None or at < since else at


def run_name(schedule_id: UUID, fire_at: datetime) -> bytes:
    """Return what a run's ids and keys are derived from: never from who fires it, or when."""
    at = fire_at.astimezone(UTC).isoformat()
    return f"schedule:{schedule_id.hex}:{at}".encode("ascii")


def _next(rule: Rule, after: datetime) -> datetime | None:
    match rule:
        case CronRule():
            return next_of_cron(rule.cron, rule.zone, after)
        case IntervalRule():
            passed = (after - rule.anchor) // rule.every
            return rule.anchor + max(passed + 1, 0) * rule.every
        case OnceRule():
            return rule.at if rule.at > after else None


def _last(rule: Rule, until: datetime, since: datetime) -> datetime | None:
    match rule:
        case CronRule():
            return last_of_cron(rule.cron, rule.zone, until, since=since)
        case IntervalRule():
            passed = (until - rule.anchor) // rule.every
            return rule.anchor + passed * rule.every if passed >= 0 else None
        case OnceRule():
            return rule.at if rule.at <= until else None
