"""A circuit breaker as a value: what all workers know of a tool or a model that fails."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from agent_workers.domain.agents.version import EVERYBODY
from agent_workers.domain.ids import TenantId


class BreakerState(StrEnum):
    CLOSED = "closed"  # calls pass
    OPEN = "open"  # none passes
    HALF_OPEN = "half_open"  # one passes: the probe


# What a breaker is called, and whose calls it bars.
Place: TypeAlias = tuple[str, TenantId]


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """One breaker as it is stored; version 0 has no row yet."""

    name: str
    # Whose calls it bars: one tenant's, or everybody's.
    tenant_id: TenantId = EVERYBODY
    state: BreakerState = BreakerState.CLOSED
    version: int = 0
    # Counted while it is closed, since the first failure of the window.
    failures: int = 0
    successes: int = 0
    window_began_at: datetime | None = None
    # Of everybody's: for whom it failed since then, as many as must be told apart.
    failed_for: tuple[TenantId, ...] = ()
    # How often it opened in a row: each time it stays open for longer.
    opens: int = 0
    # Open: a probe may begin then. Half-open: the probe's place is free again then.
    until: datetime | None = None
    reason: str = ""
    # An operator opened it; only an operator closes it.
    by_hand: bool = False
    probe_by: str = ""
    # Whose step was the last probe: the others have the next one first.
    probed_for: TenantId = EVERYBODY
    changed_at: datetime | None = None

    @property
    def place(self) -> Place:
        return self.name, self.tenant_id


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerSeen:
    """A breaker and what was true around it when it was read."""

    breaker: Breaker
    now: datetime
    # Steps wait for it.
    parked: bool = False
    # The process that probes is known to be dead.
    probe_lost: bool = False


_TOOL, _MODEL = "tool:", "model:"
# What the name of a breaker begins with; whatever else a step may wait on is not looked after.
BREAKER_KINDS = (_TOOL, _MODEL)


def tool_breaker(tool: str) -> str:
    return _TOOL + tool


def model_breaker(model: str) -> str:
    return _MODEL + model
