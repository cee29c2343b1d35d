"""The rules of breakers: whose failures, and when, open the one for everybody."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from agent_workers.domain.agents.version import EVERYBODY
from agent_workers.domain.breaker import Breaker, BreakerState
from agent_workers.domain.ids import TenantId
from agent_workers.governance.breakers import Thresholds, after_failure, counts_for_all

_BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
_RULES = Thresholds()


def test_two_tenants_do_not_open_it_for_all_when_their_windows_overlap_everybodys() -> None:
    overlapping = [(0, "b"), (40, "a"), (61, "b"), (62, "b"), (63, "a"), (101, "a"), (102, "a")]
    of_all = everybodys(overlapping)
    assert (of_all.state, of_all.failures) == (BreakerState.CLOSED, 5)
    assert everybodys([*overlapping, (103, "c")]).state is BreakerState.OPEN


def test_tenants_of_an_earlier_window_are_forgotten() -> None:
    earlier = [(0, "c"), (0, "d")]
    assert everybodys([*earlier, (61, "a"), (62, "b")]).failed_for == ("a", "b")


def everybodys(failures: Iterable[tuple[int, str]]) -> Breaker:
    """Count failures, each of a tenant at a second, as processes do."""
    owned: dict[str, Breaker] = {}
    of_all = Breaker(name="tool:pay")
    for second, name in failures:
        now, tenant_id = _BEGAN + timedelta(seconds=second), TenantId(name)
        before = owned.get(name, Breaker(name="tool:pay", tenant_id=tenant_id))
        owned[name] = after = _failed(before, now, tenant_id)
        if counts_for_all(before, after, now, rules=_RULES):
            of_all = _failed(of_all, now, tenant_id)
    assert of_all.tenant_id == EVERYBODY
    return of_all


def _failed(breaker: Breaker, now: datetime, tenant_id: TenantId) -> Breaker:
    return after_failure(
        breaker, now, tenant_id=tenant_id, successes=0, code="timeout", rules=_RULES
    )
