"""Reading what was delivered, and having it delivered again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from agent_workers.domain.errors import AgentWorkersError
from agent_workers.domain.ids import TenantId
from agent_workers.state.database.engine import Database
from agent_workers.state.database.pages import Page, read_page

_COLUMNS = """delivery_id, event_id, event_type, endpoint_id, url, job_id, status, tries, due_at,
 last_status_code, last_error, created_at, finished_at"""
_LIST = f"""
select {_COLUMNS} from webhook_deliveries
 where tenant_id = %(tenant)s and endpoint_id is not distinct from %(endpoint)s
   and (%(status)s::text is null or status = %(status)s)
   and (%(event_type)s::text is null or event_type = %(event_type)s)
   and (%(since)s::timestamptz is null or created_at >= %(since)s)
   and (%(at)s::timestamptz is null or (created_at, delivery_id) < (%(at)s, %(behind)s))
 order by created_at desc, delivery_id desc"""
_ONE = f"select {_COLUMNS} from webhook_deliveries where tenant_id = %s and delivery_id = %s"
_ATTEMPTS = """
select number, at, duration_ms, status_code, error, response from webhook_attempts
 where tenant_id = %s and delivery_id = %s order by number"""
_REPLAY = "select replay_delivery(%s, %s)"
_RECOVER = "select recover_deliveries(%s, %s, %s, %s)"
_MISSING = "select deliver_missing(%s, %s, %s, %s)"
_TEST = "select deliver_test(%s, %s, %s)"


class DeliveryNotFound(AgentWorkersError):
    code = "webhook_delivery_not_found"


class Replayed(StrEnum):
    REPLAYED = "replayed"
    SENDING = "sending"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverySeen:
    delivery_id: UUID
    event_id: UUID
    event_type: str
    endpoint_id: UUID | None
    url: str | None
    job_id: UUID | None
    status: str
    tries: int
    due_at: datetime
    last_status_code: int | None
    last_error: str | None
    created_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptSeen:
    number: int
    at: datetime
    duration_ms: int
    status_code: int | None
    error: str | None
    response: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which deliveries of an endpoint (or, for None, of jobs' callbacks) to list."""

    endpoint_id: UUID | None
    status: str | None = None
    event_type: str | None = None
    since: datetime | None = None
    behind: tuple[datetime, UUID] | None = None


class WebhookDeliveries:
    def __init__(self, database: Database) -> None:
        self._database = database

    def list(self, tenant_id: TenantId, wanted: Wanted, *, limit: int) -> Page[DeliverySeen]:
        """Return the newest first."""
        at, behind = wanted.behind or (None, None)
        values = {
            "tenant": tenant_id,
            "endpoint": wanted.endpoint_id,
            "status": wanted.status,
            "event_type": wanted.event_type,
            "since": wanted.since,
            "at": at,
            "behind": behind,
        }
        return read_page(self._database, _LIST, values, limit=limit, seen=_seen)

    def one(
        self, tenant_id: TenantId, delivery_id: UUID
    ) -> tuple[DeliverySeen, tuple[AttemptSeen, ...]]:
        """Return a delivery with all its attempts."""
        place = (tenant_id, delivery_id)
        with self._database.connection() as connection:
            row = connection.execute(_ONE, place).fetchone()
            attempts = connection.execute(_ATTEMPTS, place).fetchall()
        if row is None:
            raise DeliveryNotFound("There is no such delivery.")
        return _seen(row), tuple(
            AttemptSeen(
                number=number,
                at=at,
                duration_ms=duration_ms,
                status_code=status_code,
                error=error,
                response=response,
            )
            for number, at, duration_ms, status_code, error, response in attempts
        )

    def replay(self, tenant_id: TenantId, delivery_id: UUID) -> Replayed:
        """Deliver once more under the same id, at once."""
        said = str(self._value(_REPLAY, (tenant_id, delivery_id)))
        if said == "not_found":
            raise DeliveryNotFound("There is no such delivery.")
        return Replayed(said)

    def recover(
        self, tenant_id: TenantId, endpoint_id: UUID, since: datetime, until: datetime
    ) -> int:
        """Deliver once more what failed in this span; say how many."""
        return int(self._value(_RECOVER, (tenant_id, endpoint_id, since, until)))

    def deliver_missing(
        self, tenant_id: TenantId, endpoint_id: UUID, since: datetime, until: datetime
    ) -> int:
        """Deliver what was announced in this span and not meant for this endpoint then."""
        return int(self._value(_MISSING, (tenant_id, endpoint_id, since, until)))

    def test(self, tenant_id: TenantId, endpoint_id: UUID, event_type: str) -> UUID | None:
        """Deliver an event that did not happen; None when the endpoint is not enabled."""
        found = self._value(_TEST, (tenant_id, endpoint_id, event_type))
        return found if isinstance(found, UUID) else None

    # Any: whatever the query gives.
    def _value(self, sql: str, values: tuple[object, ...]) -> Any:  # noqa: ANN401
        with self._database.connection() as connection:
            row = connection.execute(sql.encode(), values).fetchone()
        assert row is not None
        return row[0]


def _seen(row: Sequence[object]) -> DeliverySeen:
    # Any: each column has the type of the field that it is named after.
    members: dict[str, Any] = dict(zip(DeliverySeen.__dataclass_fields__, row, strict=True))
    return DeliverySeen(**members)
