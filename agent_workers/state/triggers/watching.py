"""Watches tables of the users': a trigger on the table enqueues in the writer's own transaction."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import psycopg
from psycopg import sql

from agent_workers.domain.errors import AgentWorkersError
from agent_workers.domain.ids import TenantId
from agent_workers.state.database.engine import Connection, Database

_TABLE = """
select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where c.oid = to_regclass(%s) and c.relkind in ('r', 'p')"""
_COLUMNS = "select attname from pg_attribute where attrelid = to_regclass(%s) and attnum > 0"
_AGENT = """
select retired_at is not null from agents where tenant_id in (%s, '*') and name = %s
 order by tenant_id = '*' limit 1"""
_ALL = """
select tgrelid::regclass::text, tgname, pg_get_triggerdef(oid) from pg_trigger
 where tgfoid = 'agent_workers.watch_row'::regproc and not tgisinternal order by 1, 2"""


class CannotWatch(AgentWorkersError):
    """The table cannot be watched like this; the message says why."""

    code = "cannot_watch"


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """Which writes to a table start a job of which agent."""

    table: str
    name: str
    agent: str
    tenant_id: TenantId
    operations: Sequence[str] = ("insert",)
    key: Sequence[str] = ()
    # SQL over `new` and `old`, from the operator of this database.
    when: str = ""


class Watching:
    def __init__(self, database: Database) -> None:
        self._database = database

    def watch(self, asked: Watch) -> str:
        """Put the trigger on the table, or in the place of the one of that name."""
        with self._database.connection() as connection:
            place = _checked(connection, asked)
            try:
                connection.execute(_statement(asked, place))
            except psycopg.DatabaseError as error:
                raise CannotWatch(str(error.diag.message_primary or error)) from error
        return ".".join(place)

    def unwatch(self, table: str, name: str) -> None:
        with self._database.connection() as connection:
            place = _place(connection, table)
            try:
                connection.execute(
                    sql.SQL("drop trigger {} on {}").format(
                        sql.Identifier(name), sql.Identifier(*place)
                    )
                )
            except psycopg.DatabaseError as error:
                raise CannotWatch(str(error.diag.message_primary or error)) from error

    def all(self) -> list[tuple[str, str, str]]:
        """Each watched table, the name of its trigger, and what it says."""
        with self._database.connection() as connection:
            return [(t, n, text) for t, n, text in connection.execute(_ALL).fetchall()]


def _checked(connection: Connection, asked: Watch) -> tuple[str, str]:
    place = _place(connection, asked.table)
    there = {row[0] for row in connection.execute(_COLUMNS, (_named(asked.table),)).fetchall()}
    missing = [name for name in asked.key if name not in there]
    if missing:
        raise CannotWatch(f"table {asked.table!r} has no column {missing[0]!r}")
    row = connection.execute(_AGENT, (asked.tenant_id, asked.agent)).fetchone()
    if row is None:
        raise CannotWatch(f"no worker has registered an agent {asked.agent!r}")
    if row[0]:
        raise CannotWatch(f"agent {asked.agent!r} was retired: it takes no new jobs")
    return place


def _place(connection: Connection, table: str) -> tuple[str, str]:
    row = connection.execute(_TABLE, (_named(table),)).fetchone()
    if row is None:
        raise CannotWatch(f"this database has no table {table!r}")
    return row[0], row[1]


def _named(table: str) -> str:
    """Our own schema is the first on our path: a table without one is not ours, but in `public`."""
    return table if "." in table else f"public.{table}"


def _statement(asked: Watch, place: tuple[str, str]) -> sql.Composed:
    arguments: list[str] = [asked.agent, asked.tenant_id]
    if asked.key:
        arguments.append(json.dumps(list(asked.key)))
    return sql.SQL(
        "create or replace trigger {name} after {operations} on {table} for each row {when}"
        " execute function agent_workers.watch_row({arguments})"
    ).format(
        name=sql.Identifier(asked.name),
        operations=sql.SQL(" or ").join(sql.SQL(_VERBS[one]) for one in asked.operations),
        table=sql.Identifier(*place),
        when=sql.SQL(f"when ({asked.when})" if asked.when else ""),
        arguments=sql.SQL(", ").join(sql.Literal(one) for one in arguments),
    )


_VERBS = {"insert": "insert", "update": "update", "delete": "delete"}
