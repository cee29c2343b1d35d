"""What one trial leaves on its ground does not reach the next one."""

from agent_workers.domain.agents.version import EVERYBODY
from agent_workers.domain.ids import TenantId
from agent_workers.embedded.redis import EmbeddedRedis
from agent_workers.governance.breakers import opened_by_hand
from agent_workers.proving.grounds import Asked, Ground
from agent_workers.state.catalogue.breakers import BreakerRows
from agent_workers.state.database.engine import Database
from agent_workers.transport.doorbells.redis_bell import connected
from tests.support.database import database, tenant

__all__ = ["database", "tenant"]


def test_neither_breakers_nor_doorbells_outlast_a_trial(
    database: Database, tenant: TenantId, redis_server: EmbeddedRedis
) -> None:
    """A breaker of all tenants, opened by trials before, would hold this one's job up for minutes."""
    broker_url = f"{redis_server.url.rpartition('/')[0]}/15"
    ground = Ground(database_url=database.url, broker_url=broker_url, database=database)
    ground.submit(Asked(tenant_id=tenant, agent="counted", input={}))
    breakers = BreakerRows(database)
    seen = breakers.see("tool:keyed", EVERYBODY)
    breakers.swap(seen.breaker, opened_by_hand(seen.breaker, seen.now, reason="a trial before"))
    ground.clear()
    assert breakers.all() == []
    assert connected(broker_url).dbsize() == 0
