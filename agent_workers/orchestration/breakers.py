"""Breakers as one process sees them: asked before a call, told after it, and looked after."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

import structlog

from agent_workers.domain.breaker import Breaker, BreakerSeen, BreakerState
from agent_workers.domain.claim import Due
from agent_workers.domain.errors import StateUnavailable
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

    def see(self, name: str) -> BreakerSeen: ...

    def troubled(self) -> Sequence[BreakerSeen]: ...

    def swap(self, before: Breaker, after: Breaker) -> Breaker | None: ...

    def wake(self, name: str) -> Sequence[Due]: ...


@dataclass(frozen=True, slots=True)
class _Known:
    """What was read of a breaker, and when by our clock."""

    seen: BreakerSeen
    at: float


@dataclass(slots=True)
class _Worked:
    """How often something worked here since a moment ago."""

    since: float
    times: int = 0


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
        self._troubled: Mapping[str, _Known] = {}
        self._look_at = float("-inf")
        self._looking = threading.Lock()
        # Per thread: a step of another must not speak for the probe.
        self._probes: dict[tuple[str, int], Breaker] = {}
        self._worked: dict[str, _Worked] = {}

    def ask(self, name: str, *, holds: timedelta = _LONGEST_PROBE) -> float | None:
        """Return None where a call may be made, or in how many seconds to ask again.

        Who may be the probe holds its place for `holds` at most, and must tell or let go.
        """
        try:
            known = self._look().get(name)
            return None if known is None else self._admit(known, holds)
        except StateUnavailable as error:
            log.warning("breaker_not_read", breaker=name, error=str(error))
            return None

    def tell(self, name: str, failed: bool, *, code: str = "failed") -> None:  # noqa: FBT001 (as the models' port has it)
        """Say what came of a call."""
        probe = self._probes.pop((name, threading.get_ident()), None)
        if probe is None and not failed:
            self._count_success(name)
            return
        try:
            if probe is None:
                self._count_failure(name, code)
            else:
                self._end_probe(probe, failed=failed, code=code)
        except StateUnavailable as error:
            log.warning("breaker_not_told", breaker=name, error=str(error))

    def let_go(self, name: str) -> None:
        """Say that a call was not made after all, or says nothing."""
        probe = self._probes.pop((name, threading.get_ident()), None)
        if probe is None:
            return
        try:
            self._swap(probe, rules.let_go(probe, self._store.see(name).now))
        except StateUnavailable as error:
            log.warning("breaker_not_told", breaker=name, error=str(error))

    def is_open(self, name: str) -> bool:
        """Say whether calls are barred, without asking for any place."""
        known = self._troubled.get(name)
        return known is not None and known.seen.breaker.state is not BreakerState.CLOSED

    @property
    def knows_trouble(self) -> bool:
        """Say whether some breaker was not well when we last looked."""
        return bool(self._troubled)

    def keep(self) -> None:
        """Wake what waits for breakers that have closed, and one step where a probe is due."""
        for name, known in self._look().items():
            if known.seen.parked and not isinstance(
                rules.admit(known.seen, self._now(known)), Barred
            ):
                self._wake(name)

    def _admit(self, known: _Known, holds: timedelta) -> float | None:
        now = self._now(known)
        match rules.admit(known.seen, now):
            case Go():
                return None
            case Barred(wait=wait):
                return wait.total_seconds()
            case Probe():
                before = known.seen.breaker
                mine = self._swap(before, rules.probing(before, now, by=self._by, holds=holds))
                if mine is None:
                    return _COME_AGAIN_S
                self._probes[mine.name, threading.get_ident()] = mine
                log.info("breaker_probed", breaker=mine.name)
                return None

    def _count_success(self, name: str) -> None:
        now = self._clock()
        worked = self._worked.get(name)
        if worked is None or now - worked.since > 1.0:
            worked = self._worked[name] = _Worked(now)
        worked.times += 1

    def _count_failure(self, name: str, code: str) -> None:
        worked = self._worked.pop(name, None)
        for _ in range(_TURNS):
            seen = self._store.see(name)
            before = seen.breaker
            after = rules.after_failure(
                before,
                seen.now,
                successes=0 if worked is None else worked.times,
                code=code,
                rules=self._thresholds,
            )
            if after is before:  # somebody else has opened it
                self._remember(seen)
                return
            if self._swap(before, after) is not None:
                return

    def _end_probe(self, probe: Breaker, *, failed: bool, code: str) -> None:
        now = self._store.see(probe.name).now
        after = rules.after_probe(probe, now, failed=failed, code=code, rules=self._thresholds)
        if self._swap(probe, after) is not None and not failed:
            self._wake(probe.name)

    def _swap(self, before: Breaker, after: Breaker) -> Breaker | None:
        put = self._store.swap(before, after)
        # Ours or another's: what we knew of it is old.
        self._look_at = float("-inf")
        if put is not None and put.state is not before.state:
            self._remember(BreakerSeen(breaker=put, now=put.changed_at or datetime.now(UTC)))
            log.warning("breaker_moved", breaker=put.name, state=put.state, reason=put.reason)
        return put

    def _remember(self, seen: BreakerSeen) -> None:
        known = _Known(seen, self._clock())
        self._troubled = {**self._troubled, seen.breaker.name: known}

    def _wake(self, name: str) -> None:
        rings = self._store.wake(name)
        if rings:
            log.info("breaker_woke", breaker=name, steps=len(rings))
            self._ring(rings, parent=None)

    def _look(self) -> Mapping[str, _Known]:
        """Read what is not well, at most twice a second and one thread at a time."""
        now = self._clock()
        if now < self._look_at or not self._looking.acquire(blocking=False):
            return self._troubled
        try:
            self._look_at = now + _LOOK_EVERY_S
            self._troubled = {
                seen.breaker.name: _Known(seen, now) for seen in self._store.troubled()
            }
        finally:
            self._looking.release()
        return self._troubled

    def _now(self, known: _Known) -> datetime:
        """The store's clock, carried on by ours since it was read."""
        return known.seen.now + timedelta(seconds=self._clock() - known.at)
