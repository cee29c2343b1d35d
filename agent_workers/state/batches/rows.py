"""Writing batches: open, fill, start, cancel; and keeping them going."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import psycopg

from agent_workers.domain.batch import (
    MOST_ITEMS,
    BatchItem,
    BatchNotFound,
    BatchNotOpen,
    BatchStatus,
    BatchTerms,
    TooManyItems,
)
from agent_workers.domain.claim import Due
from agent_workers.domain.errors import AgentWorkersError
from agent_workers.domain.ids import BATCH_ID, TenantId
from agent_workers.state.database.bounds import FROM_THE_BEGINNING
from agent_workers.state.database.engine import Connection, Database
from agent_workers.state.idempotency import take_key
from agent_workers.state.steps.sweeps import dues

_OPEN = "select open_batch(%s, %s, %s::jsonb)"
_ADD = """
select stored, known, clashing from add_items(
  %s, %s, %s::text[], %s::text[], %s::bytea[], %s::jsonb[], %s)"""
_START = "select start_batch(%s, %s)"
_CANCEL = "select cancel_batch(%s, %s, %s)"
_RING = 'select tenant_id, job_id, "position", kind, lane, high, rings from '
_KEEP_THIS = _RING + "keep_this_batch(%s, %s)"
_KEEP = _RING + "keep_batches(%s, %s)"
_AT_ONCE = 8
_ERRORS: dict[str, type[AgentWorkersError]] = {
    "AWB01": BatchNotFound,
    "AWB02": BatchNotOpen,
    "AWB03": TooManyItems,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What became of items that came together; `clashing` are places in what was given."""

    stored: int
    known: int
    clashing: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A batch that was made now, or that stands for this key already."""

    batch_id: UUID
    replayed: bool = False


class ClashingItems(AgentWorkersError):
    """Items of one request share a custom_id and differ."""

    code = "invalid_request"

    def __init__(self, places: Sequence[int]) -> None:
        super().__init__(f"items {list(places)} have a custom_id that stands for another item")
        self.places = tuple(places)


class Batches:
    def __init__(self, database: Database) -> None:
        self._database = database

    def create(  # noqa: PLR0913 (one request, each part by its name)
        self,
        tenant_id: TenantId,
        batch_id: UUID,
        terms: BatchTerms,
        *,
        items: Sequence[BatchItem],
        start: bool,
        key: str | None,
        fingerprint: bytes,
    ) -> Opened:
        """Store a batch with its key and its items in one transaction, or find what the key made."""
        place = (tenant_id, batch_id)
        with self._database.transaction() as connection:
            if key is not None:
                before = take_key(connection, *place, key=key, fingerprint=fingerprint)
                if before is not None:
                    return Opened(batch_id=before, replayed=True)
            connection.execute(_OPEN, (*place, json.dumps(terms.spec())))
            if items:
                kept = _add(connection, tenant_id, batch_id, items)
                if kept.clashing:
                    raise ClashingItems(kept.clashing)
            if start:
                connection.execute(_START, place)
        return Opened(batch_id=batch_id)

    def add(self, tenant_id: TenantId, batch_id: UUID, items: Sequence[BatchItem]) -> Kept:
        """Keep items of an open batch, each custom_id once; all of them or none."""
        with self._database.connection() as connection:
            return _add(connection, tenant_id, batch_id, items)

    def start(self, tenant_id: TenantId, batch_id: UUID) -> BatchStatus:
        """Take no more items and begin; nothing happens to a batch that has begun."""
        return self._status(_START, (tenant_id, batch_id))

    def cancel(self, tenant_id: TenantId, batch_id: UUID, *, reason: str) -> BatchStatus:
        return self._status(_CANCEL, (tenant_id, batch_id, reason))

    def keep_this(self, tenant_id: TenantId, batch_id: UUID) -> list[Due]:
        """Look at one batch now; returns steps to ring for."""
        with self._database.connection() as connection:
            return dues(connection, _KEEP_THIS, (tenant_id, batch_id))

    def keep(self, since: datetime | None = None) -> list[Due]:
        """Look at the batches whose time has come, of which none is due before `since`."""
        with self._database.connection() as connection:
            return dues(connection, _KEEP, (_AT_ONCE, since or FROM_THE_BEGINNING))

    def _status(self, sql: str, arguments: tuple[object, ...]) -> BatchStatus:
        with self._database.connection() as connection:
            row = connection.execute(sql.encode(), arguments).fetchone()
        if row is None or row[0] is None:
            assert isinstance(arguments[1], UUID)
            raise BatchNotFound(f"there is no batch {BATCH_ID.written(arguments[1])}")
        return BatchStatus(row[0])


def _add(
    connection: Connection, tenant_id: TenantId, batch_id: UUID, items: Sequence[BatchItem]
) -> Kept:
    columns = (
        [item.custom_id for item in items],
        [item.agent for item in items],
        [item.input for item in items],
        [json.dumps(dict(item.options)) if item.options else "{}" for item in items],
    )
    try:
        row = connection.execute(_ADD, (tenant_id, batch_id, *columns, MOST_ITEMS)).fetchone()
    except psycopg.DatabaseError as error:
        raise _said(error) from error
    assert row is not None
    stored, known, clashing = row
    return Kept(stored=stored, known=known, clashing=tuple(clashing or ()))


def _said(error: psycopg.DatabaseError) -> Exception:
    kind = _ERRORS.get(error.sqlstate or "")
    return error if kind is None else kind(str(error.diag.message_primary))
