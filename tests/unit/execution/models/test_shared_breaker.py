"""A model behind a breaker that others share: whoever only asks keeps nobody from probing."""

import time
from collections.abc import Sequence
from datetime import timedelta

import pytest

from agent_workers.domain.breaker import BreakerState
from agent_workers.domain.claim import Due
from agent_workers.domain.ids import TenantId
from agent_workers.execution.models.failures import ErrorClass, ModelFailed
from agent_workers.execution.models.values import ModelReply, ModelRequest
from agent_workers.execution.models.wrappers.behind_breaker import BehindBreaker
from agent_workers.governance.breakers import Thresholds
from agent_workers.governance.breakers_in_memory import BreakersInMemory
from agent_workers.orchestration.breakers import SharedBreakers

NAME, TENANT = "model:p/m", TenantId("acme")
ASKED = ModelRequest(model="p/m", messages=(), max_output_tokens=10, purpose="plan")
QUICK = Thresholds(first_open=timedelta(milliseconds=10))


def process(store: BreakersInMemory, by: str) -> SharedBreakers:
    def ring(due: Sequence[Due], *, parent: str | None) -> None:
        """Nobody is parked here."""

    return SharedBreakers(store, by=by, ring=ring, thresholds=QUICK)


class FailsLate:
    """Fails after others have, and after the time at which a probe is due."""

    def __init__(self, others: SharedBreakers) -> None:
        self._others = others

    def complete(self, request: ModelRequest, *, deadline_s: float) -> ModelReply:  # noqa: ARG002
        for _ in range(5):
            self._others.tell(NAME, TENANT, True)
        time.sleep(0.05)
        raise ModelFailed(ErrorClass.OVERLOADED, "busy")


def test_a_straggler_that_fails_waits_and_leaves_the_probe_to_others() -> None:
    store = BreakersInMemory()
    one, other = process(store, "one"), process(store, "other")
    with pytest.raises(ModelFailed) as failed:
        BehindBreaker(FailsLate(other), breakers=one, tenant_id=TENANT).complete(
            ASKED, deadline_s=9
        )
    assert failed.value.parks_on == NAME
    assert store.see(NAME, TENANT).breaker.state is BreakerState.OPEN
    assert other.ask(NAME, TENANT) is None
    assert store.see(NAME, TENANT).breaker.probe_by == "other"
