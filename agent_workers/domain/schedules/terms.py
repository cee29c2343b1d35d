"""What a schedule was asked to be: its rule, its policies and its target."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from agent_workers.domain.schedules.cron import BadSchedule, zone_named
from agent_workers.domain.schedules.schedule import (
    CatchUp,
    IntervalRule,
    OnceRule,
    Overlap,
    ScheduleType,
    Timing,
    cron_timing,
)
from agent_workers.domain.schedules.target import Target

MOST_RUNS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleTerms:
    """Everything that a caller may say of a schedule."""

    type: ScheduleType
    target: Target
    name: str = ""
    expression: str | None = None
    timezone: str = "UTC"
    interval_s: int | None = None
    run_at: datetime | None = None
    start_at: datetime | None = None
    end_at: datetime | None = None
    overlap: Overlap = Overlap.SKIP
    catch_up: CatchUp = CatchUp.LAST
    catch_up_window_s: int = 86_400
    jitter_s: int = 0
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def window(self) -> timedelta:
        return timedelta(seconds=self.catch_up_window_s)

    @property
    def jitter(self) -> timedelta:
        return timedelta(seconds=self.jitter_s)


def timing_of(terms: ScheduleTerms) -> Timing:
    """Return when it fires; raises where the terms do not fit together."""
    _check(terms)
    bounds = {"start_at": terms.start_at, "end_at": terms.end_at}
    match terms.type:
        case ScheduleType.CRON:
            return cron_timing(terms.expression or "", terms.timezone, **bounds)
        case ScheduleType.INTERVAL:
            assert terms.interval_s is not None
            assert terms.start_at is not None  # whoever takes the terms fills it in
            every = timedelta(seconds=terms.interval_s)
            return Timing(rule=IntervalRule(every=every, anchor=terms.start_at), **bounds)
        case ScheduleType.ONCE:
            assert terms.run_at is not None
            return Timing(rule=OnceRule(at=terms.run_at), end_at=terms.end_at)


def _check(terms: ScheduleTerms) -> None:
    zone_named(terms.timezone)
    wanted = _FIELDS[terms.type]
    for name in _FIELDS.values():
        given = getattr(terms, name) is not None
        if given != (name == wanted):
            word = "needs" if name == wanted else "cannot have"
            raise BadSchedule(f"a schedule of type {terms.type} {word} {name}", field=name)
    if terms.start_at and terms.end_at and terms.end_at < terms.start_at:
        raise BadSchedule("end_at must not be before start_at", field="end_at")


_FIELDS = {
    ScheduleType.CRON: "expression",
    ScheduleType.INTERVAL: "interval_s",
    ScheduleType.ONCE: "run_at",
}
