"""Firing: everything that is due, one schedule after the other, ringing after each commit."""

import time
from collections import Counter
from collections.abc import Collection
from datetime import datetime
from uuid import UUID

import structlog

from agent_workers.domain.schedule import RunState
from agent_workers.orchestration.ports import Ring
from agent_workers.state.schedules_firing import Fired, ScheduleBroken, ScheduleFiring

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
        started, behind = 0, set[UUID]()
        for _ in range(_AT_ONCE):
            fired = self._next(now, behind)
            if fired is None:
                break
            if fired.is_behind:
                behind.add(fired.schedule_id)
            started += fired.states.count(RunState.STARTED)
            if fired.due:
                self._ring(fired.due, parent=None)
            if fired.states or fired.skipped:
                _tell(fired)
        return started

    def is_due(self) -> bool:
        """Look whether a schedule is due, or a run waits for another one's end."""
        self.until_next, waits = self._firing.until_next(but=self._left_alone())
        return waits or (self.until_next is not None and self.until_next <= 0)

    def _next(self, now: datetime | None, behind: Collection[UUID]) -> Fired | None:
        while True:
            but = [*self._left_alone(), *behind]
            try:
                return self._firing.fire_next(but=but, now=now) or (
                    self._firing.start_waiting(but=but)
                )
            except ScheduleBroken as error:
                log.warning("schedule_broken", error=str(error))
                self._broken[error.schedule_id] = time.monotonic() + _BROKEN_S

    def _left_alone(self) -> list[UUID]:
        now = time.monotonic()
        self._broken = {one: until for one, until in self._broken.items() if until > now}
        return list(self._broken)


def _tell(fired: Fired) -> None:
    log.info(
        "schedule_fired",
        schedule_id=fired.schedule_id.hex,
        runs=dict(Counter(state.value for state in fired.states)),
        skipped=fired.skipped.reason if fired.skipped else None,
    )
