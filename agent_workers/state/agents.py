"""Which agents there are: written by the workers that load them, read by whoever submits jobs."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from agent_workers.domain.ids import TenantId
from agent_workers.state.engine import Connection, Database
from agent_workers.state.submissions import Pace

# The tenant of agents that every tenant may use.
EVERYBODY = TenantId("*")

# Unchanged rows are left alone: many worker processes say the same thing at the same time.
_REGISTER = """
insert into agents as a (tenant_id, name, version, plan_timeout_ms, plan_hold_micro, definition)
values (%s, %s, %s, %s, %s, %s::jsonb)
on conflict (tenant_id, name) do update
   set version = excluded.version, plan_timeout_ms = excluded.plan_timeout_ms,
       plan_hold_micro = excluded.plan_hold_micro, definition = excluded.definition,
       registered_at = clock_timestamp()
 where (a.version, a.plan_timeout_ms, a.plan_hold_micro, a.definition)
       is distinct from (excluded.version, excluded.plan_timeout_ms, excluded.plan_hold_micro,
                         excluded.definition)"""
_KNOWN = """
select plan_timeout_ms, plan_hold_micro, version from agents
 where tenant_id in (%s, '*') and name = %s order by tenant_id = '*' limit 1"""
_ALL = """
select distinct on (name) name, version, definition::text, registered_at from agents
 where tenant_id in (%s, '*') order by name, tenant_id = '*'"""


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
    """An agent as callers may see it; the definition is JSON as it is stored."""

    name: str
    version: str
    definition: str
    registered_at: datetime


class Agents:
    def __init__(self, database: Database) -> None:
        self._database = database

    def register(self, agents: Sequence[Registered], *, tenant_id: TenantId = EVERYBODY) -> None:
        """Make these agents known. In the order of their names, so that two workers never deadlock."""
        with self._database.transaction() as connection:
            for agent in sorted(agents, key=lambda one: one.name):
                definition = json.dumps(dict(agent.definition), allow_nan=False)
                connection.execute(
                    _REGISTER,
                    (
                        *(tenant_id, agent.name, agent.version),
                        *(agent.plan_timeout_ms, agent.plan_hold_micro, definition),
                    ),
                )

    def known(self, tenant_id: TenantId, name: str) -> Pace | None:
        """Return what the first step of this agent's jobs needs; a tenant's own agent wins."""
        with self._database.connection() as connection:
            return pace_of(connection, tenant_id, name)

    def all(self, tenant_id: TenantId) -> list[AgentSeen]:
        with self._database.connection() as connection:
            rows = connection.execute(_ALL, (tenant_id,)).fetchall()
        return [
            AgentSeen(name=name, version=version, definition=definition, registered_at=at)
            for name, version, definition, at in rows
        ]


def pace_of(connection: Connection, tenant_id: TenantId, name: str) -> Pace | None:
    """Return what the first step of this agent's jobs needs; the caller's transaction."""
    row = connection.execute(_KNOWN, (tenant_id, name)).fetchone()
    return (
        None
        if row is None
        else Pace(plan_timeout_ms=row[0], plan_hold_micro=row[1], version=row[2])
    )
