"""Breakers as one process sees them: asked before a call, told after it, and looked after."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

import structlog

from agent_workers.domain.agents.version import EVERYBODY
from agent_workers.domain.breaker import Breaker, BreakerSeen, BreakerState, Place
from agent_workers.domain.claim import Due
from agent_workers.domain.errors import StateUnavailable
from agent_workers.domain.ids import TenantId
from agent_workers.governance import breakers as rules
from agent_workers.governance.breakers import Barred, Go, Probe, Thresholds
from agent_workers.orchestration.ports import Ring

log = structlog.get_logger(__name__)

# What others changed is known this much later; no breaker stays open for less.
_LOOK_EVERY_S = 0.5
# Who comes just after the place of the probe was taken.
_COME_AGAIN_S = 1.0
_LONGEST_PROBE = timedelta(minutes=1)
# Fifty that fail at the same moment each have their turn; one that loses them all is not missed.
_TURNS = 50


class BreakerStore(Protocol):
    """Where all processes share breakers: in Postgres, or in the memory of one."""

    def see(self, name: str, tenant_id: TenantId) -> BreakerSeen: ...

    def troubled(self) -> Sequence[BreakerSeen]: ...

    def swap(self, before: Breaker, after: Breaker) -> Breaker | None: ...

    def wake(self, name: str, tenant_id: TenantId) -> Sequence[Due]: ...


@dataclass(frozen=True, slots=True)
class _Known:
    """What was read of a breaker, and when by our clock."""

    seen: BreakerSeen
    at: float


class SharedBreakers:
    """Never stands in the way itself: without Postgres every breaker seems closed."""

    def __init__(
        self,
        store: BreakerStore,
        *,
        by: str,
        ring: Ring,
        thresholds: Thresholds | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._by = by
        self._ring = ring
        self._thresholds = thresholds or Thresholds()
        self._clock = clock
        self._troubled: Mapping[Place, _Known] = {}
        self._look_at = float("-inf")
        self._looking = threading.Lock()
        # Per thread: a step of another must not speak for the probe.
        self._probes: dict[tuple[Place, int], tuple[Breaker, ...]] = {}
        # What worked here since a moment ago.
        self._worked: Counter[Place] = Counter()
        self._worked_since = self._clock()

    def ask(
        self, name: str, tenant_id: TenantId, *, holds: timedelta = _LONGEST_PROBE
    ) -> float | None:
        """Return None where a call may be made, or in how many seconds to ask again.

        Who may be the probe holds its place for `holds` at most, and must tell or let go.
        """
        try:
            self._look()
            return self._admit(tuple(self._in_the_way(name, tenant_id)), tenant_id, holds)
        except StateUnavailable as error:
            log.warning("breaker_not_read", breaker=name, error=str(error))
            return None

    def tell(
        self,
        name: str,
        tenant_id: TenantId,
        failed: bool,  # noqa: FBT001 (as the models' port has it)
        *,
        code: str = "failed",
    ) -> None:
        """Say what came of a call."""
        probes = self._probes.pop(((name, tenant_id), threading.get_ident()), ())
        if not probes and not failed:
            self._count_success(name, tenant_id)
            return
        try:
            for probe in probes:
                self._end_probe(probe, failed=failed, code=code)
            if not probes and self._count_failure((name, tenant_id), tenant_id, code):
                self._count_failure((name, EVERYBODY), tenant_id, code)
        except StateUnavailable as error:
            log.warning("breaker_not_told", breaker=name, error=str(error))

    def let_go(self, name: str, tenant_id: TenantId) -> None:
        """Say that a call was not made after all, or says nothing."""
        try:
            self._give_back(self._probes.pop(((name, tenant_id), threading.get_ident()), ()))
        except StateUnavailable as error:
            log.warning("breaker_not_told", breaker=name, error=str(error))

    def is_open(self, name: str, tenant_id: TenantId) -> bool:
        """Say whether calls are barred, without asking for any place."""
        return any(
            known.seen.breaker.state is not BreakerState.CLOSED
            for known in self._in_the_way(name, tenant_id)
        )

    @property
    def knows_trouble(self) -> bool:
        """Say whether some breaker was not well when we last looked."""
        return bool(self._troubled)

    def keep(self) -> None:
        """Wake what waits for breakers that have closed, and one step where a probe is due."""
        known = self._look()
        for (name, tenant_id), one in known.items():
            own, of_all = one.seen.breaker, known.get((name, EVERYBODY), one)
            if of_all is not one and rules.is_left_to_all(own, of_all.seen.breaker):
                continue
            if one.seen.parked and not isinstance(rules.admit(one.seen, self._now(one)), Barred):
                self._wake((name, tenant_id))

    def _in_the_way(self, name: str, tenant_id: TenantId) -> Iterator[_Known]:
        """Give what we know of the tenant's breaker and of everybody's."""
        troubled = self._troubled
        for place in ((name, tenant_id), (name, EVERYBODY)) if troubled else ():
            if (known := troubled.get(place)) is not None:
                yield known

    def _admit(
        self, known: Sequence[_Known], tenant_id: TenantId, holds: timedelta
    ) -> float | None:
        due = []
        for one in known:
            match rules.admit(one.seen, self._now(one), tenant_id=tenant_id):
                case Go():
                    pass
                case Barred(wait=wait):
                    return wait.total_seconds()
                case Probe():
                    due.append(one)
        taken: tuple[Breaker, ...] = ()
        for one in due:
            before, now = one.seen.breaker, self._now(one)
            wanted = rules.probing(before, now, by=self._by, tenant_id=tenant_id, holds=holds)
            mine = self._swap(before, wanted)
            if mine is None:
                self._give_back(taken)
                return _COME_AGAIN_S
            taken += (mine,)
            log.info("breaker_probed", breaker=mine.name, tenant_id=tenant_id)
        if taken:
            self._probes[(taken[0].name, tenant_id), threading.get_ident()] = taken
        return None

    def _give_back(self, taken: Sequence[Breaker]) -> None:
        for one in taken:
            self._swap(one, rules.let_go(one, self._store.see(*one.place).now))

    def _count_success(self, name: str, tenant_id: TenantId) -> None:
        now = self._clock()
        if now - self._worked_since > 1.0:
            self._worked, self._worked_since = Counter(), now
        self._worked.update(((name, tenant_id), (name, EVERYBODY)))

    def _count_failure(self, place: Place, tenant_id: TenantId, code: str) -> bool:
        """Count it; true where it counts for everybody, too."""
        worked = self._worked.pop(place, 0)
        for _ in range(_TURNS):
            seen = self._store.see(*place)
            before = seen.breaker
            after = rules.after_failure(
                before,
                seen.now,
                tenant_id=tenant_id,
                successes=worked,
                code=code,
                rules=self._thresholds,
            )
            if after is before:  # somebody else has opened it
                self._remember(seen)
                return False
            if self._swap(before, after) is not None:
                return rules.counts_for_all(before, after, seen.now, rules=self._thresholds)
        return False

    def _end_probe(self, probe: Breaker, *, failed: bool, code: str) -> None:
        now = self._store.see(*probe.place).now
        after = rules.after_probe(probe, now, failed=failed, code=code, rules=self._thresholds)
        if self._swap(probe, after) is not None and not failed:
            self._wake(probe.place)

    def _swap(self, before: Breaker, after: Breaker) -> Breaker | None:
        put = self._store.swap(before, after)
        # Ours or another's: what we knew of it is old.
        self._look_at = float("-inf")
        if put is not None and put.state is not before.state:
            self._remember(BreakerSeen(breaker=put, now=put.changed_at or datetime.now(UTC)))
            place = {"breaker": put.name, "tenant_id": put.tenant_id}
            log.warning("breaker_moved", **place, state=put.state, reason=put.reason)
        return put

    def _remember(self, seen: BreakerSeen) -> None:
        known = _Known(seen, self._clock())
        self._troubled = {**self._troubled, seen.breaker.place: known}

    def _wake(self, place: Place) -> None:
        rings = self._store.wake(*place)
        if rings:
            log.info("breaker_woke", breaker=place[0], tenant_id=place[1], steps=len(rings))
            self._ring(rings, parent=None)

    def _look(self) -> Mapping[Place, _Known]:
        """Read what is not well, at most twice a second and one thread at a time."""
        now = self._clock()
        if now < self._look_at or not self._looking.acquire(blocking=False):
            return self._troubled
        try:
            self._look_at = now + _LOOK_EVERY_S
            self._troubled = {
                seen.breaker.place: _Known(seen, now) for seen in self._store.troubled()
            }
        finally:
            self._looking.release()
        return self._troubled

    def _now(self, known: _Known) -> datetime:
        """The store's clock, carried on by ours since it was read."""
        return known.seen.now + timedelta(seconds=self._clock() - known.at)
