"""Firing: everything that is due, the tenants by turns, ringing after each commit."""

import time
from collections import Counter
from collections.abc import Collection, Iterator
from datetime import datetime
from uuid import UUID

import structlog

from agent_workers.domain.ids import SCHEDULE_ID, TenantId
from agent_workers.domain.schedules.schedule import RunState
from agent_workers.orchestration.ports import Ring
from agent_workers.state.schedules.firing import ScheduleBroken, ScheduleFiring
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
