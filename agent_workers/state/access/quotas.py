"""Quotas: how many of a kind a tenant may have, as an operator reads and sets them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from agent_workers.domain.ids import TenantId
from agent_workers.state.database.engine import Database

KINDS: Final = (
    "agents batches bytes knowledge_documents mcp_servers memories schedules sessions triggers"
    " webhook_endpoints"
).split()
_ALL = """
select kind, coalesce(q.used, 0) - (select count(*) from quota_returns r
                                     where r.tenant_id = %(tenant)s and r.kind = wanted.kind),
       coalesce(most, quota_by_default(kind)), most is not null
  from unnest(%(kinds)s::text[]) wanted (kind)
  left join (select * from quotas where tenant_id = %(tenant)s) q using (kind)
 order by kind"""
_SET = """
insert into quotas as q (tenant_id, kind, most) values (%s, %s, %s)
on conflict (tenant_id, kind) do update set most = excluded.most"""
_NEARLY_FULL = """
select tenant_id, used, coalesce(most, quota_by_default('bytes')) from quotas
 where kind = 'bytes' and used >= coalesce(most, quota_by_default('bytes')) * 0.8
 order by tenant_id limit 10"""
_COUNT_BYTES = "select count_bytes(%s, %s)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """What a tenant has of a kind, and may have; `is_set`: an operator has said so."""

    kind: str
    used: int
    most: int
    is_set: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Full:
    """A tenant that keeps nearly as many bytes as it may, or more."""

    tenant_id: TenantId
    used: int
    most: int


class Quotas:
    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self, tenant_id: TenantId) -> Sequence[Quota]:
        """Return the quotas of a tenant, one for each kind."""
        with self._database.connection() as connection:
            rows = connection.execute(_ALL, {"kinds": KINDS, "tenant": tenant_id}).fetchall()
        return [
            Quota(kind=kind, used=used, most=most, is_set=is_set)
            for kind, used, most, is_set in rows
        ]

    def set(self, tenant_id: TenantId, kind: str, most: int | None) -> None:
        """Say how many there may be; None is as many as by default. What is there stays."""
        with self._database.connection() as connection:
            connection.execute(_SET, (tenant_id, kind, most))

    def nearly_full(self) -> Sequence[Full]:
        """Name some tenants that will be refused soon, or are."""
        with self._database.connection() as connection:
            rows = connection.execute(_NEARLY_FULL).fetchall()
        return [Full(tenant_id=tenant, used=used, most=most) for tenant, used, most in rows]

    def count_bytes(self, most: int = 20_000, *, pause: timedelta = timedelta(seconds=8)) -> bool:
        """Count what tenants keep since it was last counted; says whether there is more."""
        with self._database.connection() as connection:
            row = connection.execute(_COUNT_BYTES, (most, pause)).fetchone()
        return row == (True,)
