"""A tenant has as many of a kind as it may have, however many come at once."""

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from agent_workers.domain.errors import QuotaReached
from agent_workers.domain.ids import TenantId
from agent_workers.state.access.quotas import KINDS, Quotas
from agent_workers.state.database.engine import Database
from agent_workers.state.webhooks.endpoints import EndpointChange, WebhookEndpoints

# One row of each kind, as little of it as the tables take; and how it goes, if not by a delete.
ROWS = {
    "agents": "agents (tenant_id, name, version, plan_timeout_ms) values (%s, %s, '1', 1)",
    "batches": "batches (tenant_id, batch_id, concurrency, on_error) values (%s, %s, 1, 'continue')",
    "schedules": """schedules (tenant_id, schedule_id, type, interval_s, next_fire_at, target)
                    values (%s, %s, 'interval', 1, clock_timestamp() + interval '1 day', '{}')""",
    "sessions": "sessions (tenant_id, session_id) values (%s, %s)",
    "triggers": """triggers (tenant_id, trigger_id, name, definition)
                   values (%s, %s, gen_random_uuid()::text, '{}')""",
    "webhook_endpoints": """webhook_endpoints (tenant_id, endpoint_id, url, event_types)
                            values (%s, %s, 'https://a.example/', '{*}')""",
    "mcp_servers": "mcp_servers (tenant_id, name, url) values (%s, 's' || left(md5(%s), 9), 'https://a.example/')",
    "knowledge_documents": """knowledge_documents
       (tenant_id, source, title, kind, bytes, content_hash, model, dimensions, chunks)
       values (%s, %s, '', 'text', 1, sha256(gen_random_uuid()::text::bytea), 'm', 1, 1)""",
}
GONE = {
    "batches": """update batches set status = 'canceled', finished_at = clock_timestamp(),
                                     counts = '{}' where tenant_id = %s""",
    "mcp_servers": "update mcp_servers set state = 'removed' where tenant_id = %s",
}


def used(database: Database, tenant: TenantId, kind: str) -> int:
    return next(quota.used for quota in Quotas(database).all(tenant) if quota.kind == kind)


def run(database: Database, sql: str, *values: object) -> None:
    with database.connection() as connection:
        connection.execute(sql.encode(), values)


@pytest.mark.parametrize("kind", sorted(ROWS))
def test_what_comes_and_goes_is_counted_and_one_too_many_is_refused(
    database: Database, tenant: TenantId, kind: str
) -> None:
    come, go = (
        f"insert into {ROWS[kind]}",
        GONE.get(kind, f"delete from {kind} where tenant_id = %s"),
    )
    Quotas(database).set(tenant, kind, 2)
    for _ in range(2):
        run(database, come, tenant, str(uuid4()))
    with pytest.raises(QuotaReached, match=f"reached its quota of {kind.replace('_', ' ')}: 2"):
        run(database, come, tenant, str(uuid4()))
    assert used(database, tenant, kind) == 2
    run(database, go, tenant)
    assert used(database, tenant, kind) == 0
    run(database, come, tenant, str(uuid4()))


def test_quotas_are_exact_however_many_come_at_once(database: Database, tenant: TenantId) -> None:
    endpoints = WebhookEndpoints(database)
    change = EndpointChange(url="https://a.example/")

    def tried(_: int) -> bool:
        try:
            endpoints.create(tenant, change)
        except QuotaReached:
            return False
        return True

    with ThreadPoolExecutor(12) as threads:
        assert sum(threads.map(tried, range(80))) == 50
    assert len(endpoints.page(tenant, limit=100).rows) == 50


def test_who_deletes_waits_for_no_quota(database: Database, tenant: TenantId) -> None:
    come = f"insert into {ROWS['sessions']}"
    run(database, come, tenant, "a")
    run(database, come, tenant, "b")
    with database.transaction() as other:
        other.execute(b"select from quotas where tenant_id = %s for update", (tenant,))
        run(database, "delete from sessions where tenant_id = %s", tenant)
    assert used(database, tenant, "sessions") == 0
    run(database, come, tenant, "c")
    assert used(database, tenant, "sessions") == 1


def test_one_tenant_uses_nothing_of_another(database: Database, tenant: TenantId) -> None:
    come = f"insert into {ROWS['triggers']}"
    Quotas(database).set(tenant, "triggers", 0)
    run(database, come, TenantId(f"{tenant}-other"), str(uuid4()))
    with pytest.raises(QuotaReached):
        run(database, come, tenant, str(uuid4()))


def test_every_kind_has_a_quota_by_default(database: Database, tenant: TenantId) -> None:
    quotas = Quotas(database).all(tenant)
    assert [quota.kind for quota in quotas] == KINDS
    assert all(quota.most > 0 and not quota.is_set for quota in quotas)
    Quotas(database).set(tenant, "agents", 7)
    Quotas(database).set(tenant, "agents", None)
    assert Quotas(database).all(tenant) == quotas
