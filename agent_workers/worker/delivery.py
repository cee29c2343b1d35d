"""A delivery: a nudge came in, so claim a step, and go on while there is something to do."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import structlog
from structlog.contextvars import bound_contextvars

from agent_workers.domain.claim import Claimed, Due, NothingDue, Onward
from agent_workers.domain.errors import StateUnavailable
from agent_workers.domain.ids import JobId, TenantId, to_wire
from agent_workers.domain.step import Lane
from agent_workers.orchestration.carrying import Going, anything_due
from agent_workers.orchestration.patience import patiently
from agent_workers.orchestration.ports import Ring
from agent_workers.orchestration.steps.advance import Driver
from agent_workers.state.steps.claims import Claims
from agent_workers.worker.places import Places

log = structlog.get_logger(__name__)

_PATIENCE_S = 20.0
# Finish what was begun before something new is begun.
_ORDER = (Lane.EVALUATE, Lane.TOOL, Lane.EFFECT, Lane.PLAN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """How long one delivery may go on before it queues up again, for the sake of the others."""

    seconds: float = 30.0
    steps: int = 50
    # One job may go on for so long while another tenant waits.
    turn_s: float = 1.0


@dataclass(slots=True, kw_only=True)
class Busy:
    """The steps that this process is doing now, and since when."""

    slots: int
    deliveries: int = 0
    steps: dict[int, tuple[Claimed, float]] = field(default_factory=dict)
    # Steps that were taken from their threads, which hang on: until when that may be.
    stuck: dict[int, float] = field(default_factory=dict)
    # Claims whose reply seemed lost, and which others may hold by now: it may only have been late.
    given_back: set[tuple[JobId, int, int]] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)
    places: Places = field(init=False)

    def __post_init__(self) -> None:
        self.places = Places(slots=self.slots)

    @property
    def has_free_slots(self) -> bool:
        return self.deliveries < self.slots

    def is_stuck(self, now: float) -> bool:
        """Say whether every slot is held by a thread that does not come back."""
        hopeless = [until for until in list(self.stuck.values()) if until < now]
        return len(hopeless) >= self.slots

    def begin(self, claimed: Claimed) -> bool:
        """Take note of a step that a thread begins; false when its claim was given back before."""
        with self.lock:
            place = _place(claimed)
            if place in self.given_back:
                self.given_back.discard(place)
                return False
            self.steps[id(claimed)] = (claimed, time.monotonic())
            return True

    def give_up(self, due: Due, fence: int) -> bool:
        """Bar a claim that no thread of ours has begun; false when one is doing it."""
        place = (due.job_id, due.position, fence)
        with self.lock:
            if any(place == _place(claimed) for claimed, _ in list(self.steps.values())):
                return False
            self.given_back.add(place)
            return True


def _place(claimed: Claimed) -> tuple[JobId, int, int]:
    return claimed.job_id, claimed.position, claimed.fence


class Deliveries:
    """Answers nudges for one process."""

    def __init__(  # noqa: PLR0913 (its parts, each by its name)
        self,
        *,
        lanes: Sequence[Lane],
        driver: Driver,
        claims: Claims,
        ring: Ring,
        busy: Busy,
        stopping: Callable[[], bool],
        slice_: Slice | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._lanes = tuple(lane for lane in _ORDER if lane in lanes)
        self._driver = driver
        self._claims = claims
        self._ring = ring
        self._busy = busy
        self._stopping = stopping
        self._slice = slice_ or Slice()
        self._clock = clock

    def deliver(
        self, tenant_id: TenantId, job_id: JobId, position: int, *, task_id: str | None
    ) -> int:
        """Do the nudged step and what follows from it, then whatever else is due."""
        with self._busy.lock:
            self._busy.deliveries += 1
        place = _Place(self._busy.places, tenant_id)
        try:
            claimed = patiently(
                lambda: self._claims.nudged(
                    tenant_id,
                    job_id,
                    position,
                    lanes=self._lanes,
                    task_id=task_id,
                    look_further=self._busy.has_free_slots,
                    barred=place.barred,
                ),
                # The nudge's message is gone, and the next may be late.
                seconds=_PATIENCE_S,
                enough=self._stopping,
            )
            return self._work(claimed, task_id, place)
        except StateUnavailable as error:
            # Whatever was not recorded is found by its lease; the nudge has done its part.
            log.warning("state_unavailable", error=str(error))
            return 0
        finally:
            place.leave()
            with self._busy.lock:
                self._busy.deliveries -= 1

    def _work(self, claimed: Claimed | None, task_id: str | None, place: "_Place") -> int:
        began, done = self._clock(), 0
        job_id, job_began = None, began

        def onward() -> Onward:
            spent = done >= self._slice.steps or self._clock() - began >= self._slice.seconds
            if spent or self._stopping():
                return Onward(carry=False, task_id=task_id)
            return Onward(
                task_id=task_id,
                lanes=self._lanes,
                look_further=self._busy.has_free_slots,
                barred=place.barred,
                yields=self._clock() - job_began >= self._slice.turn_s,
            )

        while claimed is not None:
            place.move(claimed.tenant_id)
            if claimed.job_id != job_id:
                job_id, job_began = claimed.job_id, self._clock()
            claimed = self._whole(claimed)
            if claimed.more and self._busy.has_free_slots:
                self._ring([anything_due(claimed)], parent=None)
            done += 1
            following = self._advance(claimed, onward)
            if following is None and not onward().carry:
                # Whoever gets this message goes on with what is due, here or elsewhere.
                self._ring([anything_due(claimed)], parent=None)
                return done
            if isinstance(following, NothingDue):
                return done
            claimed = following or self._next(task_id, place)
        return done

    def _advance(self, claimed: Claimed, onward: Going) -> Claimed | NothingDue | None:
        if not self._busy.begin(claimed):
            log.warning(
                "claim_came_late", job_id=to_wire(claimed.job_id), position=claimed.position
            )
            return None
        number = id(claimed)
        try:
            # Whatever a tool or a library logs meanwhile says for which job.
            with bound_contextvars(job_id=to_wire(claimed.job_id), position=claimed.position):
                return self._driver.advance(claimed, onward)
        finally:
            self._busy.steps.pop(number, None)
            self._busy.stuck.pop(number, None)

    def _whole(self, claimed: Claimed) -> Claimed:
        return patiently(
            lambda: self._claims.whole(claimed), seconds=_PATIENCE_S, enough=self._stopping
        )

    def _next(self, task_id: str | None, place: "_Place") -> Claimed | None:
        return self._claims.next(
            self._lanes,
            task_id=task_id,
            look_further=self._busy.has_free_slots,
            barred=place.barred,
        )


class _Place:
    """The place of one delivery, for whichever tenant it works."""

    def __init__(self, places: Places, tenant_id: TenantId) -> None:
        self._places = places
        self._tenant_id = tenant_id
        places.take(tenant_id)

    @property
    def barred(self) -> tuple[TenantId, ...]:
        return self._places.barred(self._tenant_id)

    def move(self, tenant_id: TenantId) -> None:
        if tenant_id != self._tenant_id:
            self._places.leave(self._tenant_id)
            self._places.take(tenant_id)
            self._tenant_id = tenant_id

    def leave(self) -> None:
        self._places.leave(self._tenant_id)
