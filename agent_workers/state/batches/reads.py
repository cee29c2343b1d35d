"""Reading batches: their progress, their items, and what came of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from agent_workers.domain.batch import BatchStatus, ItemStatus, OnError
from agent_workers.domain.ids import TenantId
from agent_workers.domain.job import JobStatus
from agent_workers.state.database.engine import Database
from agent_workers.state.database.pages import Page, Row, read_page

_FIELDS = (
    "batch_id status stop_as reason concurrency on_error template item_count created_at started_at"
    " finished_at deadline_at"
).split()
# A list counts what has ended from the row; one batch counts its items as they are.
_COLUMNS = f"{', '.join(_FIELDS)}, metadata::text"
_ONE = f"""
select {_COLUMNS}, coalesce(counts, batch_counts(tenant_id, batch_id)) from batches
 where tenant_id = %s and batch_id = %s"""
_PAGE = f"""
select {_COLUMNS}, counts from batches
 where tenant_id = %(tenant_id)s and (%(status)s::text is null or status = %(status)s)
   and (%(at)s::timestamptz is null or (created_at, batch_id) < (%(at)s, %(batch_id)s::uuid))
 order by created_at desc, batch_id desc"""
_ITEMS = """
select number, custom_id, status, agent, job_id from batch_items
 where tenant_id = %(tenant_id)s and batch_id = %(batch_id)s and number > %(after)s
   and (%(status)s::text is null or status = %(status)s)
 order by number"""
_RESULTS = """
select i.number, i.custom_id, i.status, i.job_id, j.output, j.error, j.spent_micro
  from batch_items i left join jobs j on j.tenant_id = i.tenant_id and j.job_id = i.job_id
 where i.tenant_id = %(tenant_id)s and i.batch_id = %(batch_id)s and i.number > %(after)s
   and i.status not in ('pending', 'running')
 order by i.number"""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchSeen:
    """A batch as its caller may see it; metadata is JSON as it is stored."""

    batch_id: UUID
    status: BatchStatus
    stop_as: str | None
    reason: str | None
    concurrency: int
    on_error: OnError
    # Any: members of jobs, as the caller gave them.
    template: Mapping[str, Any]
    item_count: int
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    deadline_at: datetime | None
    metadata: str
    counts: Mapping[str, int] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemSeen:
    number: int
    custom_id: str
    status: ItemStatus
    agent: str
    job_id: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultSeen:
    """What came of an item; output and error are the bytes that its job stored."""

    number: int
    custom_id: str
    status: JobStatus
    job_id: UUID | None
    output: bytes | None
    error: bytes | None
    spent_micro: int | None


class BatchReads:
    def __init__(self, database: Database) -> None:
        self._database = database

    def batch(self, tenant_id: TenantId, batch_id: UUID) -> BatchSeen | None:
        with self._database.connection() as connection:
            row = connection.execute(_ONE, (tenant_id, batch_id)).fetchone()
        return None if row is None else _seen(row)

    def page(
        self,
        tenant_id: TenantId,
        *,
        limit: int,
        status: BatchStatus | None = None,
        behind: tuple[datetime, UUID] | None = None,
    ) -> Page[BatchSeen]:
        """Return batches, the newest first; live ones without counts."""
        at, batch_id = behind or (None, None)
        place = {"tenant_id": tenant_id, "at": at, "batch_id": batch_id}
        asked = place | {"status": status}
        return read_page(self._database, _PAGE, asked, limit=limit, seen=_seen)

    def items(
        self,
        tenant_id: TenantId,
        batch_id: UUID,
        *,
        after: int,
        limit: int,
        status: ItemStatus | None = None,
    ) -> Page[ItemSeen]:
        """Return items in the order of their lines, behind a number."""
        place = {"tenant_id": tenant_id, "batch_id": batch_id, "after": after}
        asked = place | {"status": status}
        return read_page(self._database, _ITEMS, asked, limit=limit, seen=_item)

    def results(
        self, tenant_id: TenantId, batch_id: UUID, *, after: int, limit: int
    ) -> Page[ResultSeen]:
        """Return items that have ended, behind a number."""
        asked = {"tenant_id": tenant_id, "batch_id": batch_id, "after": after}
        return read_page(self._database, _RESULTS, asked, limit=limit, seen=_result)


def _item(row: Row) -> ItemSeen:
    values = dict(zip(ItemSeen.__dataclass_fields__, row, strict=True))
    return ItemSeen(**(values | {"status": ItemStatus(values["status"])}))


def _result(row: Row) -> ResultSeen:
    values = dict(zip(ResultSeen.__dataclass_fields__, row, strict=True))
    return ResultSeen(**(values | {"status": JobStatus(values["status"])}))


def _seen(row: Row) -> BatchSeen:
    values = dict(zip((*_FIELDS, "metadata", "counts"), row, strict=True))
    values["status"] = BatchStatus(str(values["status"]))
    values["on_error"] = OnError(str(values["on_error"]))
    return BatchSeen(**values)
