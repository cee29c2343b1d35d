"""A worker under a flood of one tenant's jobs serves another tenant's next."""

from uuid import uuid4

from agent_workers.domain.ids import TenantId
from tests.integration.worker.conftest import Bench

_URGENT = (
    "update steps set due_at = due_at - interval '100 minutes' where tenant_id = %s returning 1"
)
_STARTED = "select tenant_id from jobs where tenant_id = any(%s) order by started_at"
_WISH = {"uses": [["echo", {"value": 1}]]}


def test_another_tenants_first_job_is_claimed_next_however_large_the_flood(bench: Bench) -> None:
    newcomer = Bench(bench.database, TenantId(f"tenant-{uuid4().hex[:12]}"), bench.settings)
    flood = [bench.submit(_WISH) for _ in range(20)]
    bench.ask(_URGENT, bench.tenant)
    newcomer.submit(_WISH)
    # The only doorbell is the flood's, as when so many wait that no more are rung.
    assert bench.deliver(bench.runtime(slots=1), flood[0]) >= 50
    started = [one for (one,) in bench.ask(_STARTED, [bench.tenant, newcomer.tenant])]
    assert newcomer.tenant in started[:2]
