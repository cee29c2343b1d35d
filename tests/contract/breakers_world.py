"""What tests of breakers share: a store, and as many processes upon it as a test wants."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from agent_workers.domain.breaker import BreakerState
from agent_workers.domain.claim import Due
from agent_workers.domain.ids import TenantId
from agent_workers.execution.models.ports import Breakers
from agent_workers.governance.breakers import Thresholds
from agent_workers.governance.breakers_in_memory import BreakersInMemory
from agent_workers.orchestration.breakers import BreakerStore, SharedBreakers
from agent_workers.state.catalogue.breakers import BreakerRows
from agent_workers.state.database.engine import Database

ACME, BOND, CORP = TenantId("acme"), TenantId("bond"), TenantId("corp")
QUICK = Thresholds(first_open=timedelta(seconds=1), longest_open=timedelta(seconds=2))
SNAPPY = Thresholds(first_open=timedelta(milliseconds=20), longest_open=timedelta(milliseconds=20))
LONG = Thresholds(first_open=timedelta(minutes=5), longest_open=timedelta(minutes=5))


@dataclass
class Clock:
    """Ours, which tells a process when to look again."""

    seconds: float = 0.0

    def __call__(self) -> float:
        return self.seconds


@dataclass
class Shared:
    """One store, and as many processes upon it as a test wants."""

    store: BreakerStore
    rung: list[Due] = field(default_factory=list)
    processes: int = 0

    def process(
        self, thresholds: Thresholds = LONG, clock: Callable[[], float] | None = None
    ) -> SharedBreakers:
        self.processes += 1

        def ring(due: Sequence[Due], *, parent: str | None) -> None:  # noqa: ARG001
            self.rung.extend(due)

        given = {} if clock is None else {"clock": clock}
        by = f"process-{self.processes}"
        return SharedBreakers(self.store, by=by, ring=ring, thresholds=thresholds, **given)

    def state(self, tenant_id: TenantId = ACME, name: str = "tool:pay") -> BreakerState:
        return self.store.see(name, tenant_id).breaker.state


@pytest.fixture(params=["postgres", "memory"])
def shared(request: pytest.FixtureRequest, database: Database) -> Shared:
    store: BreakerStore = BreakersInMemory()
    if request.param == "postgres":
        store = BreakerRows(database)
        with database.connection() as connection:
            connection.execute("truncate breakers")
    return Shared(store)


def fail(breakers: Breakers, times: int, tenant_id: TenantId = ACME) -> None:
    for _ in range(times):
        assert breakers.ask("tool:pay", tenant_id) is None
        breakers.tell("tool:pay", tenant_id, True)
