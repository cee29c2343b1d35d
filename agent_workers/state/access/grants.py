"""What each role of the database may do in our schema: one table, granted by whoever owns it.

Whoever connects is one of these roles, or a member of it. An installation with one role for
everything has none of them, and nothing is granted.
"""

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Final

import psycopg
import psycopg.errors
from psycopg import sql

from agent_workers.domain.errors import StateUnavailable
from agent_workers.state.database.engine import Connection, opened
from agent_workers.state.database.session_settings import SCHEMA

READS: Final = "select"
ADDS: Final = "select, insert"
CHANGES: Final = "select, insert, update"
ALL: Final = "select, insert, update, delete"


class Role(StrEnum):
    """A role of the database, by its name there."""

    OWNER = "agent_workers_owner"
    WORKER = "agent_workers_worker"
    API = "agent_workers_api"
    READER = "agent_workers_reader"


# Beat, deliverers of webhooks, ingest and relay are workers here.
_WORKER_ELSE: Final = ALL
_WORKER: Final[Mapping[str, str]] = {
    "alembic_version": READS,
    "api_keys": "",
    "bytes_changes": ADDS,
    "bytes_counted": READS,
    "evidence": ADDS,
    "incarnations": ADDS,
    "journal": ADDS,
    "permits": CHANGES,
    "project_secrets": READS,
    "quota_returns": READS,
    "quotas": READS,
}
_API_ELSE: Final = READS
_API: Final[Mapping[str, str]] = {
    "agent_versions": ADDS,
    "api_keys": CHANGES,
    "batch_items": CHANGES,
    "batches": CHANGES,
    "budgets": "select, update",
    "bytes_changes": ADDS,
    "dead_letters": CHANGES,
    "effects": "select, update",
    "idempotency_keys": CHANGES,
    "job_labels": ADDS,
    "jobs": CHANGES,
    "journal": ADDS,
    "mcp_servers": CHANGES,
    "mcp_tools": CHANGES,
    "memories": "select, update, delete",
    "messages": ADDS,
    "project_secrets": CHANGES,
    "reservations": CHANGES,
    "schedule_runs": CHANGES,
    "schedules": ALL,
    "session_messages": "select, insert, delete",
    "session_turns": CHANGES,
    "sessions": ALL,
    "steps": CHANGES,
    "timers": ALL,
    "triggers": ALL,
    "waits": "select, update",
    "webhook_deliveries": CHANGES,
    "webhook_endpoints": ALL,
    "webhook_events": ADDS,
    "webhook_targets": "select, delete",
    "workspace_files": ALL,
    "workspaces": CHANGES,
}
# Columns that may hold a secret: nobody who only looks is shown them.
_SECRET: Final[Mapping[str, frozenset[str]]] = {
    "api_keys": frozenset({"secret_hash"}),
    # Whom jobs call when they end, and those that are still to come.
    "batch_items": frozenset({"options"}),
    "batches": frozenset({"template"}),
    "jobs": frozenset({"callback_url"}),
    "mcp_servers": frozenset({"env", "headers", "url"}),
    "schedules": frozenset({"target"}),
    "webhook_deliveries": frozenset({"url"}),
    "webhook_endpoints": frozenset({"url"}),
}
# Functions that run with our rights, and are not for everybody who may call ours. Triggers call
# theirs without any grant.
_BARRED: Final[Mapping[Role, frozenset[str]]] = {
    Role.WORKER: frozenset({"count_for_quota", "give_verdict", "note_bytes", "note_bytes_said"}),
    Role.API: frozenset({"count_bytes", "count_for_quota", "note_bytes", "note_bytes_said"}),
}
_TABLES = """
select c.relname, array_agg(a.attname order by a.attnum)
  from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
 where c.relnamespace = %s::regnamespace and c.relkind in ('r', 'p', 'v')
 group by c.relname order by c.relname"""
_FUNCTIONS = "select proname from pg_proc where pronamespace = %s::regnamespace"
_THERE = "select rolname from pg_roles where rolname = any(%s)"


class NotOurs(StateUnavailable):
    """Whoever migrates does not own the schema, so nobody can be granted anything."""


def grant_in(url: str) -> tuple[Role, ...]:
    """Grant each role of this database what it may do; return who is there."""
    try:
        session, _ = opened(url, name="agent_workers migrate")
    except psycopg.OperationalError as error:
        raise StateUnavailable(str(error).strip()) from error
    with session as connection:
        return grant_all(connection)


def grant_all(connection: Connection) -> tuple[Role, ...]:
    """Grant each role that is there what it may do, and nothing else; return who is there."""
    wanted = [Role.WORKER, Role.API, Role.READER]
    found = {str(row[0]) for row in connection.execute(_THERE, ([*wanted],))}
    there = tuple(role for role in wanted if role in found)
    tables = {str(name): list(columns) for name, columns in connection.execute(_TABLES, (SCHEMA,))}
    functions = {str(row[0]) for row in connection.execute(_FUNCTIONS, (SCHEMA,))}
    try:
        with connection.transaction():
            for role in there:
                barred = sorted(_BARRED.get(role, frozenset()) & functions)
                for statement in _statements(role, tables, barred):
                    connection.execute(statement)
    except psycopg.errors.InsufficientPrivilege as error:
        raise NotOurs(
            f"{error}: run `agent-workers migrate` as the owner of the agent_workers tables"
        ) from error
    return there


def _statements(
    role: Role, tables: Mapping[str, list[str]], barred: Sequence[str]
) -> Iterator[sql.Composed]:
    who, schema = sql.Identifier(role), sql.Identifier(SCHEMA)
    for what in ("tables", "sequences", "functions"):
        yield sql.SQL("revoke all on all {} in schema {} from {}").format(
            sql.SQL(what), schema, who
        )
    yield sql.SQL("grant usage on schema {} to {}").format(schema, who)
    for table, columns in tables.items():
        if may := _may(role, table, columns):
            yield sql.SQL("grant {} on {}.{} to {}").format(may, schema, sql.Identifier(table), who)
    if role is not Role.READER:
        for what, may_use in (("sequences", "usage"), ("functions", "execute")):
            yield sql.SQL("grant {} on all {} in schema {} to {}").format(
                sql.SQL(may_use), sql.SQL(what), schema, who
            )
    for function in barred:
        yield sql.SQL("revoke execute on function {}.{} from {}").format(
            schema, sql.Identifier(function), who
        )


def _may(role: Role, table: str, columns: list[str]) -> sql.Composable | None:
    """Say what a role may do with a table; the reader sees columns."""
    match role:
        case Role.WORKER:
            return _named(_WORKER.get(table, _WORKER_ELSE))
        case Role.API:
            return _named(_API.get(table, _API_ELSE))
        case Role.READER:
            shown = [one for one in columns if one not in _SECRET.get(table, ())]
            return sql.SQL("select ({})").format(sql.SQL(", ").join(map(sql.Identifier, shown)))
        case Role.OWNER:
            return None


def _named(privileges: str) -> sql.Composable | None:
    return sql.SQL(privileges) if privileges else None
