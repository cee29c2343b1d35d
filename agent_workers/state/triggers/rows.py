"""Triggers as rows: written and read by operators; every intake reads what it needs of them."""

import json
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg.errors

from agent_workers.domain.ids import TenantId
from agent_workers.domain.triggers.trigger import Selector, Trigger, TriggerNameTaken
from agent_workers.state.database.engine import Database
from agent_workers.state.database.pages import Page, read_page

_COLUMNS = "trigger_id, name, enabled, definition::text, created_at, updated_at"
_INSERT = f"""
insert into triggers (tenant_id, trigger_id, name, enabled, definition)
values (%s, %s, %s, %s, %s::jsonb) returning {_COLUMNS}"""
_UPDATE = f"""
update triggers set name = %s, enabled = %s, definition = %s::jsonb,
                    updated_at = clock_timestamp()
 where tenant_id = %s and trigger_id = %s and updated_at = %s returning {_COLUMNS}"""
_DELETE = "delete from triggers where tenant_id = %s and trigger_id = %s"
_ONE = f"select {_COLUMNS} from triggers where tenant_id = %s and trigger_id = %s"
# Every event reads these, so they leave out what only the jobs of a trigger need.
_SELECTORS = """
select trigger_id, name, definition -> 'types', definition -> 'sources', definition -> 'where',
       updated_at
  from triggers where tenant_id = %s and enabled order by trigger_id"""
_ENABLED = f"""
select {_COLUMNS} from triggers
 where tenant_id = %s and enabled and trigger_id = any(%s::uuid[]) order by trigger_id"""
_PAGE = f"""
select {_COLUMNS} from triggers
 where tenant_id = %(tenant_id)s
   and (created_at, trigger_id) < (%(at)s::timestamptz, %(trigger_id)s::uuid)
 order by created_at desc, trigger_id desc"""
_FIRST: tuple[object, object] = ("infinity", UUID(int=2**128 - 1))
_DEFINED = "agent types sources where template metadata priority max_steps max_cost_micro".split()
_LISTS = frozenset({"types", "sources", "where"})


class Triggers:
    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, tenant_id: TenantId, trigger: Trigger) -> Trigger:
        place = (tenant_id, trigger.trigger_id)
        with self._database.connection() as connection:
            try:
                row = connection.execute(_INSERT, (*place, *_written(trigger))).fetchone()
            except psycopg.errors.UniqueViolation:
                raise _taken(trigger) from None
        assert row is not None
        return _trigger(row)

    def change(self, tenant_id: TenantId, trigger: Trigger) -> Trigger | None:
        """Write what was read before; None when somebody else has changed or deleted it since."""
        place = (tenant_id, trigger.trigger_id, trigger.updated_at)
        with self._database.connection() as connection:
            try:
                row = connection.execute(_UPDATE, (*_written(trigger), *place)).fetchone()
            except psycopg.errors.UniqueViolation:
                raise _taken(trigger) from None
        return None if row is None else _trigger(row)

    def delete(self, tenant_id: TenantId, trigger_id: UUID) -> bool:
        with self._database.connection() as connection:
            return connection.execute(_DELETE, (tenant_id, trigger_id)).rowcount == 1

    def one(self, tenant_id: TenantId, trigger_id: UUID) -> Trigger | None:
        with self._database.connection() as connection:
            row = connection.execute(_ONE, (tenant_id, trigger_id)).fetchone()
        return None if row is None else _trigger(row)

    def selectors(self, tenant_id: TenantId) -> list[Selector]:
        """What of a tenant's enabled triggers says which events they want."""
        with self._database.connection() as connection:
            rows = connection.execute(_SELECTORS, (tenant_id,)).fetchall()
        return [
            Selector(
                trigger_id=trigger_id,
                name=name,
                types=tuple(types),
                sources=tuple(sources),
                where=tuple(where),
                updated_at=updated_at,
            )
            for trigger_id, name, types, sources, where, updated_at in rows
        ]

    def enabled(self, tenant_id: TenantId, among: Collection[UUID]) -> list[Trigger]:
        """Those of these triggers that are enabled."""
        if not among:
            return []
        with self._database.connection() as connection:
            rows = connection.execute(_ENABLED, (tenant_id, list(among))).fetchall()
        return [_trigger(row) for row in rows]

    def page(
        self, tenant_id: TenantId, *, limit: int, behind: tuple[datetime, UUID] | None
    ) -> Page[Trigger]:
        """A tenant's triggers, the newest first."""
        at, trigger_id = behind or _FIRST
        asked = {"tenant_id": tenant_id, "at": at, "trigger_id": trigger_id}
        return read_page(self._database, _PAGE, asked, limit=limit, seen=_trigger)


def _taken(trigger: Trigger) -> TriggerNameTaken:
    return TriggerNameTaken(f"there is another trigger named {trigger.name!r}")


def _written(trigger: Trigger) -> tuple[object, ...]:
    definition = {name: getattr(trigger, name) for name in _DEFINED}
    return trigger.name, trigger.enabled, json.dumps(definition)


# Any: a row of the columns above.
def _trigger(row: Sequence[Any]) -> Trigger:
    trigger_id, name, enabled, definition, created_at, updated_at = row
    defined: dict[str, Any] = json.loads(definition)
    defined |= {key: tuple(defined[key]) for key in _LISTS}
    return Trigger(
        trigger_id=trigger_id,
        name=name,
        enabled=enabled,
        created_at=created_at,
        updated_at=updated_at,
        **defined,
    )
