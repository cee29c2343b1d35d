"""The versions of agents: kept once and for ever, found again by tenant, name and version."""

import json
from dataclasses import dataclass

import psycopg
from psycopg.rows import TupleRow

from agent_workers.domain.agents.version import KeptVersion, NewVersion, Source, VersionReused
from agent_workers.domain.ids import TenantId
from agent_workers.state.database.engine import Connection, Database

_REUSED = "AW010"
_KEEP = "select version, is_new from keep_agent_version(%s, %s, %s, %s, %s::jsonb, %s, %s)"
# Unchanged rows are left alone: many worker processes say the same thing at the same time. Code
# does not take back what a file was applied over: which worker starts last is chance.
_POINT = """
insert into agents as a (tenant_id, name, version, plan_timeout_ms, plan_hold_micro, definition)
values (%s, %s, %s, %s, %s, %s::jsonb)
on conflict (tenant_id, name) do update
   set version = excluded.version, plan_timeout_ms = excluded.plan_timeout_ms,
       plan_hold_micro = excluded.plan_hold_micro, definition = excluded.definition,
       registered_at = clock_timestamp()
 where (a.version, a.plan_timeout_ms, a.plan_hold_micro, a.definition)
       is distinct from (excluded.version, excluded.plan_timeout_ms, excluded.plan_hold_micro,
                         excluded.definition)
   and (%s = 'yaml' or not exists (
         select from agent_versions v where v.tenant_id = a.tenant_id and v.name = a.name
            and v.version = a.version and v.source = 'yaml'))"""
_NAMES = "tenant_id name version declared digest definition source created_by created_at".split()
_FIELDS = ", ".join(f"v.{name}" for name in _NAMES)
# A tenant's own before everybody's: by the rule of `keep_agent_version` both say the same.
_FETCH = f"""
select {_FIELDS} from agent_versions v
 where tenant_id in (%s, '*') and name = %s and version = %s order by tenant_id = '*' limit 1"""
_ALL = f"""
select distinct on (version) {_FIELDS} from agent_versions v
 where tenant_id in (%s, '*') and name = %s order by version, tenant_id = '*'"""
_CURRENT = f"""
select {_FIELDS} from agent_versions v join (
  select distinct on (name) tenant_id, name, version from agents
   where tenant_id in (%s, '*') order by name, tenant_id = '*') a
 using (tenant_id, name, version) order by name"""
_EVERYWHERE = f"""
select {_FIELDS} from agent_versions v
  join agents using (tenant_id, name, version) order by name, tenant_id"""
_TAKING_JOBS = f"""
select {_FIELDS} from agent_versions v
  join agents a using (tenant_id, name, version) where a.retired_at is null
 order by name, tenant_id"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Under which version a definition goes, and whether it was not known before."""

    name: str
    version: str
    is_new: bool
    # It became the current one by this; else it was that already.
    is_moved: bool = False


class AgentVersions:
    def __init__(self, database: Database) -> None:
        self._database = database

    def fetch(self, tenant_id: TenantId, name: str, version: str) -> KeptVersion | None:
        with self._database.connection() as connection:
            row = connection.execute(_FETCH, (tenant_id, name, version)).fetchone()
        return None if row is None else _version(row)

    def all(self, tenant_id: TenantId, name: str) -> list[KeptVersion]:
        """Return the versions of an agent, the latest first."""
        with self._database.connection() as connection:
            found = [_version(row) for row in connection.execute(_ALL, (tenant_id, name))]
        return sorted(found, key=lambda one: one.created_at, reverse=True)

    def everywhere(self) -> list[KeptVersion]:
        """Return what is current of every agent of every tenant."""
        with self._database.connection() as connection:
            return [_version(row) for row in connection.execute(_EVERYWHERE)]

    def taking_jobs(self) -> list[KeptVersion]:
        """Return what is current of every agent of every tenant that is not retired."""
        with self._database.connection() as connection:
            return [_version(row) for row in connection.execute(_TAKING_JOBS)]

    def current(self, tenant_id: TenantId) -> list[KeptVersion]:
        """Return what is current of every agent that this tenant may use."""
        with self._database.connection() as connection:
            return [_version(row) for row in connection.execute(_CURRENT, (tenant_id,))]


def keep(connection: Connection, tenant_id: TenantId, new: NewVersion, *, by: str) -> Kept:
    """Keep a version, unless it is kept already; the caller's transaction."""
    definition = json.dumps(dict(new.definition), allow_nan=False)
    given = (tenant_id, new.name, new.declared, new.digest, definition, new.source.value, by)
    try:
        row = connection.execute(_KEEP, given).fetchone()
    except psycopg.DatabaseError as error:
        if error.sqlstate != _REUSED:
            raise
        raise VersionReused(f"{error.diag.message_primary}: declare another version") from error
    assert row is not None
    return Kept(name=new.name, version=row[0], is_new=row[1])


def point(connection: Connection, tenant_id: TenantId, new: NewVersion, version: str) -> bool:
    """Make a version the one that new jobs are pinned to; say whether it was not already."""
    definition = json.dumps(dict(new.definition), allow_nan=False)
    timing = (new.plan_timeout_ms, new.plan_hold_micro)
    given = (tenant_id, new.name, version, *timing, definition, new.source.value)
    return connection.execute(_POINT, given).rowcount > 0


def _version(row: TupleRow) -> KeptVersion:
    told = dict(zip(_NAMES, row, strict=True))
    return KeptVersion(**told | {"source": Source(told["source"])})
