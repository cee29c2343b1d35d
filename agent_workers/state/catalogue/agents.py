"""Which agents there are: written by the workers that load them, read by whoever submits jobs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import psycopg

from agent_workers.domain.agents.version import EVERYBODY, UNSHOWN, NewVersion, Source
from agent_workers.domain.ids import TenantId
from agent_workers.domain.text.nearest import did_you_mean
from agent_workers.state.catalogue.agent_versions import Kept, keep, point
from agent_workers.state.database.engine import Connection, Database
from agent_workers.state.database.pages import Page, Row, read_page
from agent_workers.state.jobs.submissions import Pace

_KNOWN = """
select plan_timeout_ms, plan_hold_micro, version, retired_at is not null from agents
 where tenant_id in (%s, '*') and name = %s order by tenant_id = '*' limit 1"""
# Enough for any installation, and little to compare with a name that a stranger made up.
_NAMES = """
select distinct name from agents
 where tenant_id in (%s, '*') and retired_at is null order by name limit 500"""
_ALL = """
select distinct on (name) name, version,
       (case tenant_id when '*' then definition - %(unshown)s::text[] else definition end)::text,
       registered_at, retired_at
  from agents
 where tenant_id in (%(tenant_id)s, '*') and (%(name)s::text is null or name = %(name)s)
   and (%(after)s::text is null or name > %(after)s)
 order by name, tenant_id = '*'"""

_RETIRED = """
select name from agents where tenant_id = %s and name = any (%s) and retired_at is not null
 order by name"""
_THERE = "exists (select from agents where tenant_id = %(tenant_id)s and name = %(name)s)"
_RETIRE = f"""
with changed as (
  update agents set retired_at = clock_timestamp()
   where tenant_id = %(tenant_id)s and name = %(name)s and retired_at is null returning name)
select {_THERE}, exists (select from changed)"""
_RESTORE = f"""
with changed as (
  update agents set retired_at = null
   where tenant_id = %(tenant_id)s and name = %(name)s and retired_at is not null returning name)
select {_THERE}, exists (select from changed)"""
_SEEN_LAST = """
select a.name, (select count(*) from living_reports() where agents ? a.name),
       r.seen_at, r.host
  from agents a left join lateral (
         select seen_at, host from worker_reports where agents ? a.name
         union all
         select a.last_seen_at, a.last_seen_on where a.last_seen_at is not null
          order by seen_at desc limit 1) r on true
 where a.tenant_id = '*' and a.tenant_id in (%s, '*')"""


@dataclass(frozen=True, slots=True)
class LastSeen:
    """Who has an agent that is code."""

    # How many that run.
    workers: int
    at: datetime | None
    host: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """An agent as a worker loaded it."""

    name: str
    version: str
    plan_timeout_ms: int
    plan_hold_micro: int = 0
    definition: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSeen:
    """An agent as callers may see it; the definition is JSON."""

    name: str
    version: str
    definition: str
    registered_at: datetime
    retired_at: datetime | None = None


class Agents:
    def __init__(self, database: Database) -> None:
        self._database = database

    def register(
        self, agents: Sequence[Registered], *, tenant_id: TenantId = EVERYBODY
    ) -> list[str]:
        """Make what a worker loaded known; of several of one name the last becomes the current one.

        In the order of their names, so that two workers never deadlock. A name whose current
        version was applied from a file is left with that. Returns those that are retired, and stay so.
        """
        last = {agent.name: agent for agent in agents}
        with self._database.transaction() as connection:
            for agent in sorted(agents, key=lambda one: one.name):
                new = _new(agent)
                kept = keep(connection, tenant_id, new, by="worker")
                if last[agent.name] is agent:
                    point(connection, tenant_id, new, kept.version)
            rows = connection.execute(_RETIRED, (tenant_id, list(last))).fetchall()
        return [row[0] for row in rows]

    def retire(self, tenant_id: TenantId, name: str) -> bool | None:
        """Take no new jobs of an agent; false when that was so already, None when it is unknown."""
        return self._changed(_RETIRE, tenant_id, name)

    def restore(self, tenant_id: TenantId, name: str) -> bool | None:
        """Take new jobs of a retired agent again; false when it was not retired."""
        return self._changed(_RESTORE, tenant_id, name)

    def seen_last(self, tenant_id: TenantId) -> dict[str, LastSeen]:
        """Say of the agents of workers how many running ones have them, and who had them last."""
        with self._database.connection() as connection:
            rows = connection.execute(_SEEN_LAST, (tenant_id,)).fetchall()
        return {name: LastSeen(workers, at, on) for name, workers, at, on in rows}

    def _changed(self, sql: str, tenant_id: TenantId, name: str) -> bool | None:
        with self._database.connection() as connection:
            row = connection.execute(sql, {"tenant_id": tenant_id, "name": name}).fetchone()
        assert row is not None
        return row[1] if row[0] else None

    def apply(
        self, new: Sequence[NewVersion], *, tenant_id: TenantId, by: str, dry_run: bool = False
    ) -> list[Kept]:
        """Make versions known and current, all or none; a dry run says what would become of them."""
        kept: list[Kept] = []
        with self._database.transaction() as connection:
            # Sorting keeps the order of versions of one name: the last becomes the current one.
            for version in sorted(new, key=lambda one: one.name):
                found = keep(connection, tenant_id, version, by=by)
                is_moved = point(connection, tenant_id, version, found.version)
                # To apply an agent is to want it.
                restoring = {"tenant_id": tenant_id, "name": version.name}
                row = connection.execute(_RESTORE, restoring).fetchone()
                is_moved = is_moved or row == (True, True)
                kept.append(replace(found, is_moved=is_moved))
            if dry_run:
                raise psycopg.Rollback
        return kept

    def known(self, tenant_id: TenantId, name: str) -> Pace | None:
        """Return what the first step of this agent's jobs needs; a tenant's own agent wins."""
        with self._database.connection() as connection:
            return pace_of(connection, tenant_id, name)

    def nearest(self, tenant_id: TenantId, name: str) -> str:
        """Ask for the agent of this tenant whose name is most like this one, if any is like it."""
        with self._database.connection() as connection:
            names = [row[0] for row in connection.execute(_NAMES, (tenant_id,)).fetchall()]
        return did_you_mean(name, names)

    def all(self, tenant_id: TenantId) -> list[AgentSeen]:
        return self._all(tenant_id, None)

    def page(self, tenant_id: TenantId, *, limit: int, after: str | None = None) -> Page[AgentSeen]:
        """Return agents in the order of their names, behind a name."""
        asked = _asked(tenant_id, after=after)
        return read_page(self._database, _ALL, asked, limit=limit, seen=_seen)

    def one(self, tenant_id: TenantId, name: str) -> AgentSeen | None:
        return next(iter(self._all(tenant_id, name)), None)

    def _all(self, tenant_id: TenantId, name: str | None) -> list[AgentSeen]:
        with self._database.connection() as connection:
            rows = connection.execute(_ALL, _asked(tenant_id, name=name)).fetchall()
        return [_seen(row) for row in rows]


def _asked(
    tenant_id: TenantId, *, name: str | None = None, after: str | None = None
) -> dict[str, object]:
    return {"tenant_id": tenant_id, "name": name, "after": after, "unshown": list(UNSHOWN)}


def _seen(row: Row) -> AgentSeen:
    name, version, definition, at, retired = row
    return AgentSeen(
        name=name, version=version, definition=definition, registered_at=at, retired_at=retired
    )


def pace_of(connection: Connection, tenant_id: TenantId, name: str) -> Pace | None:
    """Return what the first step of this agent's jobs needs; the caller's transaction."""
    row = connection.execute(_KNOWN, (tenant_id, name)).fetchone()
    return (
        None
        if row is None
        else Pace(plan_timeout_ms=row[0], plan_hold_micro=row[1], version=row[2], retired=row[3])
    )


def _new(agent: Registered) -> NewVersion:
    return NewVersion(
        name=agent.name,
        declared=agent.version,
        definition=agent.definition,
        source=Source.PYTHON,
        plan_timeout_ms=agent.plan_timeout_ms,
        plan_hold_micro=agent.plan_hold_micro,
    )
