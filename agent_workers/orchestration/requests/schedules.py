"""What people ask of schedules: make, change, pause, resume, trigger, preview and backfill them."""

import secrets
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from agent_workers.domain.errors import IllegalMove
from agent_workers.domain.ids import SCHEDULE_ID, TenantId, time_ordered
from agent_workers.domain.schedules.cron import BadSchedule
from agent_workers.domain.schedules.schedule import (
    Overlap,
    RunState,
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
from agent_workers.state.schedules.firing import ScheduleBroken, ScheduleFiring
from agent_workers.state.schedules.firing_now import ScheduleTriggers, Triggered
from agent_workers.state.schedules.rows import ScheduleSeen
from agent_workers.state.schedules.runs import ScheduleRuns
from agent_workers.state.schedules.ticking import Fired

log = structlog.get_logger(__name__)

# A schedule that cannot be fired is left alone for so long, so that it does not fill the log.
_BROKEN_S = 30.0
# Then whoever called has a look at other things.
_AT_ONCE = 1_000


class Firing:
    """What a beat does at each tick; any number of beats may do it at the same time."""

    def __init__(self, firing: ScheduleFiring, *, ring: Ring) -> None:
        self._firing = firing
        self._ring = ring
        self._broken: dict[UUID, float] = {}
        # How many seconds after the last look the next schedule is due.
        self.until_next: float | None = None

    def fire_all(self, *, now: datetime | None = None) -> int:
        """Fire what is due and start what has waited; returns how many runs were started."""
        started, handled, behind = 0, 0, set[UUID]()
        while handled < _AT_ONCE:
            fired = 0
            for one in self._round(now, behind):
                fired += 1
                if one.is_behind:
                    behind.add(one.schedule_id)
                started += one.states.count(RunState.STARTED)
                if one.due:
                    self._ring(one.due, parent=None)
                if one.states or one.skipped:
                    _tell(one)
            if not fired:
                break
            handled += fired
        return started

    def is_due(self) -> bool:
        """Look whether a schedule is due, or a run waits for another one's end."""
        self.until_next, waits = self._firing.until_next(but=self._left_alone())
        return waits or (self.until_next is not None and self.until_next <= 0)

    def _round(self, now: datetime | None, behind: Collection[UUID]) -> Iterator[Fired]:
        """Give every tenant a turn: a few of its schedules, and one run that has waited."""
        for tenant_id, these in self._firing.turns(but=self._but(behind), now=now):
            left = list(these)
            while left:
                try:
                    yield from self._firing.fire(tenant_id, left, now=now)
                    break
                except ScheduleBroken as error:
                    self._leave_alone(error)
                    left.remove(error.schedule_id)
        served: set[TenantId] = set()
        while True:
            try:
                fired = self._firing.start_waiting(but=self._but(behind), served=served)
            except ScheduleBroken as error:
                self._leave_alone(error)
                continue
            if fired is None:
                return
            served.add(fired.tenant_id)
            yield fired

    def _but(self, behind: Collection[UUID]) -> list[UUID]:
        return [*self._left_alone(), *behind]

    def _leave_alone(self, error: ScheduleBroken) -> None:
        log.warning("schedule_broken", error=str(error))
        self._broken[error.schedule_id] = time.monotonic() + _BROKEN_S

    def _left_alone(self) -> list[UUID]:
        now = time.monotonic()
        self._broken = {one: until for one, until in self._broken.items() if until > now}
        return list(self._broken)


def _tell(fired: Fired) -> None:
    log.info(
        "schedule_fired",
        schedule_id=SCHEDULE_ID.written(fired.schedule_id),
        runs=dict(Counter(state.value for state in fired.states)),
        skipped=fired.skipped.reason if fired.skipped else None,
    )


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
