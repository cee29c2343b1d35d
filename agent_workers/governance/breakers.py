"""The rules of circuit breakers: who may pass, and what a failure or a success changes. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from agent_workers.domain.agents.version import EVERYBODY
from agent_workers.domain.breaker import Breaker, BreakerSeen, BreakerState
from agent_workers.domain.ids import TenantId
from agent_workers.domain.step import Broke, Outcome, ToolFailed, ToolRan

# Nobody answered, or nobody could be reached. A tool that says no has answered.
_SIGNS_OF_OUTAGE = frozenset({"connection", "timeout", "unavailable", "auth", "not_executed"})
# A place that was given back is free at once, but for whoever gave it back.
_OTHERS_FIRST = timedelta(seconds=1)
# The tool was not asked at all.
_NEVER_CALLED = frozenset({"bad_arguments", "breaker_open", "effect_abandoned", "effect_not_done"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    # This many failures within the window open it, if they are at least this share of all calls.
    failures: int = 5
    share: float = 0.5
    window: timedelta = timedelta(seconds=60)
    # Doubled with every opening that follows another within `calm`.
    first_open: timedelta = timedelta(seconds=2)
    longest_open: timedelta = timedelta(minutes=2)
    calm: timedelta = timedelta(minutes=5)
    # So many failures of one tenant count for all in a window of its own, and everybody's opens only
    # when they are of so many tenants: two windows of a tenant may overlap with one of all.
    of_one: int = 2
    tenants: int = 3


@dataclass(frozen=True, slots=True)
class Go:
    """Call it."""


@dataclass(frozen=True, slots=True)
class Probe:
    """Call it for everybody, if you are the first to take the place."""


@dataclass(frozen=True, slots=True)
class Barred:
    """Do not call it; nothing will change before this has passed."""

    wait: timedelta


class Health(StrEnum):
    """What a result says of the thing that was called."""

    WORKS = "works"
    FAILS = "fails"
    UNKNOWN = "unknown"


def health_of(result: Outcome | Broke) -> Health:
    """Say whether a tool's result speaks for it or against it."""
    if isinstance(result, Broke | ToolFailed):
        if result.code in _SIGNS_OF_OUTAGE:
            return Health.FAILS
        if isinstance(result, Broke) or result.code in _NEVER_CALLED:
            return Health.UNKNOWN
    if isinstance(result, ToolRan) and result.cached_at is not None:
        return Health.UNKNOWN
    return Health.WORKS


def admit(
    seen: BreakerSeen, now: datetime, *, tenant_id: TenantId = EVERYBODY
) -> Go | Probe | Barred:
    """Say whether a tenant may call; who made the last probe for all leaves time to the others."""
    breaker = seen.breaker
    if breaker.state is BreakerState.CLOSED:
        return Go()
    if breaker.by_hand or breaker.until is None:
        return Barred(timedelta(minutes=1))
    probing = breaker.state is BreakerState.HALF_OPEN
    if probing and seen.probe_lost:
        return Probe()
    until = breaker.until
    if EVERYBODY != tenant_id == breaker.probed_for and breaker.changed_at and not probing:
        until += max(_OTHERS_FIRST, breaker.until - breaker.changed_at)
    return Probe() if now >= until else Barred(until - now)


def after_failure(
    breaker: Breaker,
    now: datetime,
    *,
    tenant_id: TenantId,
    successes: int,
    code: str,
    rules: Thresholds,
) -> Breaker:
    """Count a tenant's failure; an open breaker stays as it is, whatever a straggler says."""
    if breaker.state is not BreakerState.CLOSED:
        return breaker
    began = breaker.window_began_at
    if began is None or now - began > rules.window:
        # What worked before the first failure says nothing of what follows it.
        counted = replace(breaker, failures=1, successes=0, window_began_at=now, failed_for=())
    else:
        counted = replace(
            breaker, failures=breaker.failures + 1, successes=breaker.successes + successes
        )
    if breaker.tenant_id == EVERYBODY:
        told_apart = tuple(dict.fromkeys((*counted.failed_for, tenant_id)))[: rules.tenants]
        counted = replace(counted, failed_for=told_apart)
        if len(told_apart) < rules.tenants:
            return counted
    calls = counted.failures + counted.successes
    if counted.failures < rules.failures or counted.failures < rules.share * calls:
        return counted
    calm = breaker.changed_at is None or now - breaker.changed_at > rules.calm
    return _opened(replace(counted, opens=0 if calm else breaker.opens), now, code, rules)


def counts_for_all(before: Breaker, after: Breaker, now: datetime, *, rules: Thresholds) -> bool:
    """Say whether a failure that a tenant's breaker has counted speaks to all tenants."""
    is_calm = before.changed_at is None or now - before.changed_at > rules.window
    return is_calm and 0 < after.failures <= rules.of_one


def is_left_to_all(own: Breaker, of_all: Breaker) -> bool:
    """Say whether who waits at a tenant's breaker goes on when everybody's says so, not its own."""
    if of_all.state is not BreakerState.CLOSED or own.state is not BreakerState.CLOSED:
        return of_all.state is not BreakerState.CLOSED
    if own.changed_at is None or of_all.changed_at is None:
        return own.changed_at is None
    return own.changed_at <= of_all.changed_at


def probing(
    breaker: Breaker, now: datetime, *, by: str, tenant_id: TenantId, holds: timedelta
) -> Breaker:
    """Take the place of the one probe, for no longer than it may run."""
    return replace(
        breaker,
        state=BreakerState.HALF_OPEN,
        until=now + holds,
        probe_by=by,
        probed_for=tenant_id if breaker.tenant_id == EVERYBODY else EVERYBODY,
        changed_at=now,
    )


def after_probe(
    breaker: Breaker, now: datetime, *, failed: bool, code: str, rules: Thresholds
) -> Breaker:
    if failed:
        return _opened(breaker, now, code, rules)
    return closed(breaker, now)


def let_go(breaker: Breaker, now: datetime) -> Breaker:
    """Give back a probe's place that was not used; whoever comes next may take it."""
    return replace(breaker, state=BreakerState.OPEN, until=now, probe_by="", changed_at=now)


def closed(breaker: Breaker, now: datetime) -> Breaker:
    """Close it; how often it opened is remembered until it has been calm for a while."""
    return replace(
        breaker,
        state=BreakerState.CLOSED,
        failures=0,
        successes=0,
        window_began_at=None,
        failed_for=(),
        until=None,
        by_hand=False,
        probe_by="",
        changed_at=now,
    )


def opened_by_hand(breaker: Breaker, now: datetime, *, reason: str) -> Breaker:
    return replace(
        breaker,
        state=BreakerState.OPEN,
        until=None,
        by_hand=True,
        reason=reason,
        probe_by="",
        changed_at=now,
    )


def _opened(breaker: Breaker, now: datetime, code: str, rules: Thresholds) -> Breaker:
    longer = rules.first_open * (1 << min(breaker.opens, 20))
    return replace(
        breaker,
        state=BreakerState.OPEN,
        opens=breaker.opens + 1,
        until=now + min(longer, rules.longest_open),
        reason=code,
        failures=0,
        successes=0,
        window_began_at=None,
        failed_for=(),
        probe_by="",
        changed_at=now,
    )
