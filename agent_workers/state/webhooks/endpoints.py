"""Endpoints of a tenant: made, changed, rotated, disabled; and the project's secret for callbacks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from agent_workers.domain.errors import AgentWorkersError
from agent_workers.domain.ids import TenantId
from agent_workers.state.database.engine import Database
from agent_workers.state.database.pages import Page, Row, read_page

_COLUMNS = """e.endpoint_id, e.name, e.url, e.event_types, e.payload, e.status, e.disabled_reason,
 e.disabled_at, t.failing_since, e.secret_version, e.old_secret_until, e.created_at"""
_READ = f"""
select {_COLUMNS} from webhook_endpoints e left join webhook_targets t
    on t.tenant_id = e.tenant_id and t.target_id = e.endpoint_id
 where e.tenant_id = %s"""
_ONE = _READ + " and endpoint_id = %s"
_PAGE = f"""
select {_COLUMNS} from webhook_endpoints e left join webhook_targets t
    on t.tenant_id = e.tenant_id and t.target_id = e.endpoint_id
 where e.tenant_id = %(tenant_id)s
   and (%(after)s::uuid is null or (e.created_at, e.endpoint_id) < (
     select created_at, endpoint_id from webhook_endpoints
      where tenant_id = %(tenant_id)s and endpoint_id = %(after)s))
 order by e.created_at desc, e.endpoint_id desc"""
_INSERT = """
insert into webhook_endpoints (tenant_id, endpoint_id, name, url, event_types, payload, status,
                               disabled_reason, disabled_at)
values (%(tenant)s, gen_random_uuid(), %(name)s, %(url)s, %(event_types)s, %(payload)s,
        case when %(enabled)s then 'enabled' else 'disabled' end,
        case when not %(enabled)s then 'not enabled yet' end,
        case when not %(enabled)s then clock_timestamp() end)
returning endpoint_id"""
_UPDATE = """
update webhook_endpoints set name = coalesce(%s, name), url = coalesce(%s, url),
       event_types = coalesce(%s, event_types), payload = coalesce(%s, payload)
 where tenant_id = %s and endpoint_id = %s"""
# A rotation keeps at most the secret before: older ones end.
_ROTATE = """
update webhook_endpoints set secret_version = secret_version + 1,
       old_secret_until = case when %s then clock_timestamp() + interval '24 hours' end
 where tenant_id = %s and endpoint_id = %s"""
_ENABLE = """
with forgotten as (delete from webhook_targets
                    where tenant_id = %(tenant)s and target_id = %(endpoint)s)
update webhook_endpoints set status = 'enabled', disabled_reason = null, disabled_at = null
 where tenant_id = %(tenant)s and endpoint_id = %(endpoint)s"""
_DISABLE = "select disable_endpoint(%s, %s, %s)"
_DELETE = """
with forgotten as (delete from webhook_targets
                    where tenant_id = %(tenant)s and target_id = %(endpoint)s),
     ended as (update webhook_deliveries
                  set status = 'failed', last_error = 'the endpoint was deleted',
                      finished_at = clock_timestamp()
                where tenant_id = %(tenant)s and endpoint_id = %(endpoint)s
                  and status = 'pending')
delete from webhook_endpoints where tenant_id = %(tenant)s and endpoint_id = %(endpoint)s"""
_PROJECT = """
select secret_version, old_secret_until from project_secrets where tenant_id = %s"""
_ROTATE_PROJECT = """
insert into project_secrets as p (tenant_id, secret_version, old_secret_until)
values (%(tenant)s, 2, case when %(keep)s then clock_timestamp() + interval '24 hours' end)
on conflict (tenant_id) do update
   set secret_version = p.secret_version + 1, old_secret_until = excluded.old_secret_until
returning secret_version, old_secret_until"""


class EndpointNotFound(AgentWorkersError):
    code = "webhook_endpoint_not_found"


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointSeen:
    endpoint_id: UUID
    name: str
    url: str
    event_types: tuple[str, ...]
    payload: str
    status: str
    disabled_reason: str | None
    disabled_at: datetime | None
    failing_since: datetime | None
    secret_version: int
    old_secret_until: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointChange:
    """What an endpoint shall be like; None leaves it as it is."""

    name: str | None = None
    url: str | None = None
    event_types: Sequence[str] | None = None
    payload: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretInUse:
    version: int
    old_until: datetime | None


class WebhookEndpoints:
    def __init__(self, database: Database) -> None:
        self._database = database

    def create(
        self, tenant_id: TenantId, change: EndpointChange, *, enabled: bool = True
    ) -> EndpointSeen:
        """Make an endpoint; one that is not enabled is told nothing, but what happens is kept."""
        values = {
            "tenant": tenant_id,
            "name": change.name or "",
            "url": change.url,
            "event_types": list(change.event_types or ["*"]),
            "payload": change.payload or "thin",
            "enabled": enabled,
        }
        with self._database.connection() as connection:
            row = connection.execute(_INSERT, values).fetchone()
        assert row is not None
        return self.one(tenant_id, row[0])

    def one(self, tenant_id: TenantId, endpoint_id: UUID) -> EndpointSeen:
        with self._database.connection() as connection:
            row = connection.execute(_ONE, (tenant_id, endpoint_id)).fetchone()
        if row is None:
            raise EndpointNotFound("There is no such endpoint.")
        return _seen(row)

    def page(
        self, tenant_id: TenantId, *, limit: int, after: UUID | None = None
    ) -> Page[EndpointSeen]:
        """Return endpoints, the newest first, behind one of them."""
        asked = {"tenant_id": tenant_id, "after": after}
        return read_page(self._database, _PAGE, asked, limit=limit, seen=_seen)

    def update(
        self, tenant_id: TenantId, endpoint_id: UUID, change: EndpointChange
    ) -> EndpointSeen:
        kinds = None if change.event_types is None else list(change.event_types)
        values = (change.name, change.url, kinds, change.payload, tenant_id, endpoint_id)
        return self._changed(tenant_id, endpoint_id, _UPDATE, values)

    def rotate(self, tenant_id: TenantId, endpoint_id: UUID, *, keep: bool) -> EndpointSeen:
        """Begin to sign with a new secret; with `keep` the old one signs beside it for a day."""
        return self._changed(tenant_id, endpoint_id, _ROTATE, (keep, tenant_id, endpoint_id))

    def enable(self, tenant_id: TenantId, endpoint_id: UUID) -> EndpointSeen:
        place = {"tenant": tenant_id, "endpoint": endpoint_id}
        return self._changed(tenant_id, endpoint_id, _ENABLE, place)

    def disable(self, tenant_id: TenantId, endpoint_id: UUID, *, reason: str) -> EndpointSeen:
        return self._changed(tenant_id, endpoint_id, _DISABLE, (tenant_id, endpoint_id, reason))

    def delete(self, tenant_id: TenantId, endpoint_id: UUID) -> None:
        place = {"tenant": tenant_id, "endpoint": endpoint_id}
        with self._database.connection() as connection:
            if connection.execute(_DELETE, place).rowcount == 0:
                raise EndpointNotFound("There is no such endpoint.")

    def project_secret(self, tenant_id: TenantId) -> SecretInUse:
        """Return which secret signs the callbacks of single jobs."""
        with self._database.connection() as connection:
            row = connection.execute(_PROJECT, (tenant_id,)).fetchone()
        version, old_until = row or (1, None)
        return SecretInUse(version=version, old_until=old_until)

    def rotate_project_secret(self, tenant_id: TenantId, *, keep: bool) -> SecretInUse:
        values = {"tenant": tenant_id, "keep": keep}
        with self._database.connection() as connection:
            row = connection.execute(_ROTATE_PROJECT, values).fetchone()
        assert row is not None
        return SecretInUse(version=row[0], old_until=row[1])

    def _changed(
        self, tenant_id: TenantId, endpoint_id: UUID, sql: LiteralString, values: object
    ) -> EndpointSeen:
        assert isinstance(values, tuple | dict)
        with self._database.connection() as connection:
            connection.execute(sql, values)
        return self.one(tenant_id, endpoint_id)


def _seen(row: Row) -> EndpointSeen:
    names = EndpointSeen.__dataclass_fields__
    members = dict(zip(names, row, strict=True))
    kinds = members["event_types"]
    assert isinstance(kinds, list)
    # Any: each column has the type of the field that it is named after.
    typed: dict[str, Any] = {**members, "event_types": tuple(kinds)}
    return EndpointSeen(**typed)
