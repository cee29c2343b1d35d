"""What people ask of schedules: make, change, pause, resume, trigger, preview and backfill them."""

import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from agent_workers.domain.errors import IllegalMove
from agent_workers.domain.ids import TenantId, time_ordered
from agent_workers.domain.schedules.cron import BadSchedule
from agent_workers.domain.schedules.schedule import (
    Overlap,
    ScheduleStatus,
    ScheduleType,
    Timing,
    next_fire,
)
from agent_workers.domain.schedules.target import LARGEST_TARGET, write_target
from agent_workers.domain.schedules.terms import MOST_RUNS, ScheduleTerms, timing_of
from agent_workers.domain.schedules.ticks import ON_TIME
from agent_workers.orchestration.ports import Ring
from agent_workers.state.schedules.calls import Made, Place, Schedules, changed_meanwhile
from agent_workers.state.schedules.firing_now import ScheduleTriggers, Triggered
from agent_workers.state.schedules.rows import ScheduleSeen
from agent_workers.state.schedules.runs import ScheduleRuns

Edit = Callable[[ScheduleTerms], ScheduleTerms]
# Two people who change one schedule at the same time take turns.
_TRIES = 5
_TICK = timedelta(microseconds=1)


class ScheduleControl:
    def __init__(
        self, schedules: Schedules, runs: ScheduleRuns, triggers: ScheduleTriggers, *, ring: Ring
    ) -> None:
        self._schedules = schedules
        self._runs = runs
        self._triggers = triggers
        self._ring = ring

    def create(
        self, tenant_id: TenantId, asked: ScheduleTerms, *, key: str | None, fingerprint: bytes
    ) -> Made:
        """Make a schedule, or find the one that the key has made."""
        _check_size(asked)
        now = self._schedules.now()
        terms = _anchored(asked, now)
        next_fire_at = _first(terms, now)
        if next_fire_at is None:
            raise BadSchedule(
                "would never start anything: all its times are in the past", field=_bound(terms)
            )
        schedule_id = time_ordered(time.time_ns() // 1_000_000, secrets.token_bytes(10))
        return self._schedules.create(
            (tenant_id, schedule_id),
            terms,
            next_fire_at=next_fire_at,
            key=key,
            fingerprint=fingerprint,
        )

    def change(self, place: Place, edit: Edit) -> ScheduleSeen:
        """Change what was said of a schedule; a new rule counts from now."""
        for _ in range(_TRIES):
            seen, now = self._schedules.one(place), self._schedules.now()
            terms = _anchored(edit(seen.terms), now)
            _check_size(terms)
            status, refire, next_fire_at = _moved_on(seen, terms, now)
            changed = self._schedules.change(
                seen, terms, status=status, refire=refire, next_fire_at=next_fire_at
            )
            if changed is not None:
                return changed
        raise changed_meanwhile(place[1])

    def pause(self, place: Place) -> ScheduleSeen:
        """Let no tick fire until it is resumed; those of the meantime are left out."""
        return self._move(place, ScheduleStatus.PAUSED)

    def resume(self, place: Place) -> ScheduleSeen:
        return self._move(place, ScheduleStatus.ACTIVE)

    def delete(self, place: Place) -> None:
        self._schedules.delete(place)

    def trigger(
        self, place: Place, overlap: Overlap | None, *, key: str | None, fingerprint: bytes
    ) -> Triggered:
        """Fire it now, whatever its time and its status; once for each key."""
        made = self._triggers.trigger(place, overlap, key=key, fingerprint=fingerprint)
        if made.fired is not None and made.fired.due:
            self._ring(made.fired.due, parent=None)
        return made

    def preview(self, place: Place, count: int) -> list[datetime]:
        """Return when it would fire next."""
        seen = self._schedules.one(place)
        now = self._schedules.now()
        begin = now if seen.next_fire_at is None else min(now, seen.next_fire_at - _TICK)
        found: list[datetime] = []
        for tick in _ticks(timing_of(seen.terms), begin):
            if len(found) == count:
                break
            found.append(tick)
        return found

    def backfill(self, place: Place, begin: datetime, end: datetime) -> int:
        """Ask for the runs of a time gone by; returns how many of its ticks had not run."""
        seen = self._schedules.one(place)
        if end > self._schedules.now():
            raise BadSchedule("must not be in the future", field="end")
        timing = timing_of(replace(seen.terms, start_at=None) if _is_cron(seen) else seen.terms)
        ticks: list[datetime] = []
        for tick in _ticks(timing, begin - _TICK):
            if tick > end:
                break
            ticks.append(tick)
            if len(ticks) > MOST_RUNS:
                raise BadSchedule(f"there are more than {MOST_RUNS} ticks", field="end")
        return self._runs.ask_for(place, ticks)

    def _move(self, place: Place, status: ScheduleStatus) -> ScheduleSeen:
        for _ in range(_TRIES):
            seen = self._schedules.one(place)
            if seen.status is status:
                return seen
            if seen.status is ScheduleStatus.COMPLETED:
                raise IllegalMove("the schedule is completed: give it another time first")
            moved = self._moved(seen, status)
            if moved is not None:
                return moved
        raise changed_meanwhile(place[1])

    def _moved(self, seen: ScheduleSeen, status: ScheduleStatus) -> ScheduleSeen | None:
        if status is ScheduleStatus.PAUSED:
            return self._schedules.move(seen, status, next_fire_at=None)
        next_fire_at = next_fire(timing_of(seen.terms), self._schedules.now())
        if next_fire_at is None:
            status = ScheduleStatus.COMPLETED
        return self._schedules.move(seen, status, next_fire_at=next_fire_at)


def _anchored(terms: ScheduleTerms, now: datetime) -> ScheduleTerms:
    """An interval counts from its start, or from the time at which it was asked for."""
    if terms.type is ScheduleType.INTERVAL and terms.start_at is None:
        return replace(terms, start_at=now.replace(microsecond=0))
    return terms


def _first(terms: ScheduleTerms, now: datetime) -> datetime | None:
    """Return the first fire time; once may be as late as any tick that is on time."""
    begin = now - ON_TIME if terms.type is ScheduleType.ONCE else now
    return next_fire(timing_of(terms), begin)


def _moved_on(
    seen: ScheduleSeen, terms: ScheduleTerms, now: datetime
) -> tuple[ScheduleStatus, bool, datetime | None]:
    """Return what a change does: the status, and whether there is another next fire time."""
    same = timing_of(terms) == timing_of(seen.terms)
    if same or seen.status is ScheduleStatus.PAUSED:
        return seen.status, False, None
    next_fire_at = _first(terms, now)
    if next_fire_at is None:
        raise BadSchedule(
            "would never start anything: all its times are in the past", field=_bound(terms)
        )
    return ScheduleStatus.ACTIVE, True, next_fire_at


def _check_size(terms: ScheduleTerms) -> None:
    if len(write_target(terms.target)) > LARGEST_TARGET:
        raise BadSchedule(f"has more than {LARGEST_TARGET >> 10} KiB as JSON", field="target")


def _bound(terms: ScheduleTerms) -> str:
    return "run_at" if terms.type is ScheduleType.ONCE else "end_at"


def _is_cron(seen: ScheduleSeen) -> bool:
    return seen.terms.type is ScheduleType.CRON


def _ticks(timing: Timing, after: datetime) -> Iterator[datetime]:
    tick = next_fire(timing, after)
    while tick is not None:
        yield tick
        tick = next_fire(timing, tick)
