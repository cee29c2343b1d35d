"""How soon a tenant's first jobs start beside another tenant that has queued very many."""

import time
from uuid import uuid4

from agent_workers.bench.measures import say
from agent_workers.bench.recovery import end_all
from agent_workers.bench.stage import Stage, Topology
from agent_workers.bench.throughput import submit_all
from agent_workers.domain.ids import TenantId

_PATIENCE_S = 60.0
_JOBS = 4
_WAITS = """
select extract(epoch from started_at - created_at)::float8, finished_at is not null
  from jobs where tenant_id = %s order by started_at"""


def beside_a_flood(
    stage: Stage, topology: Topology, *, flood: int, seconds: float, priority: int
) -> None:
    """Queue a flood, whose jobs sleep three times for so long; then submit another tenant's jobs."""
    newcomer = TenantId(f"bench-{uuid4().hex[:8]}")
    connection = stage.connect_as(newcomer)
    try:
        with stage.workers(topology):
            submit_all(
                stage, "bench_nap", {"seconds": seconds}, jobs=flood, clients=8, priority=priority
            )
            for _ in range(_JOBS):
                connection.submit("bench_noop", "x")
            waits = _started(stage, newcomer)
    finally:
        connection.close()
        end_all(stage)
    say(
        f"{_JOBS} jobs of one tenant beside {flood:,} of another (priority {priority}, steps of"
        f" {seconds:.1f} s), {topology.name}: {_told(waits)}"
    )


def _started(stage: Stage, tenant: TenantId) -> list[float]:
    """After how many seconds its jobs started, once all have ended; those that started, if they have not."""
    until = time.monotonic() + _PATIENCE_S
    while True:
        with stage.database.connection() as connection:
            rows = connection.execute(_WAITS, (tenant,)).fetchall()
        if all(ended for _, ended in rows) or time.monotonic() > until:
            return [float(wait) for wait, _ in rows if wait is not None]
        time.sleep(0.05)


def _told(waits: list[float]) -> str:
    if len(waits) < _JOBS:
        return f"only {len(waits)} started within {_PATIENCE_S:.0f} s"
    return f"the first started after {waits[0]:.2f} s, the last after {waits[-1]:.2f} s"
