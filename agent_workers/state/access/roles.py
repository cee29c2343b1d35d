"""Makes the roles of a database of our own, none of them a superuser, and gives the owner what is ours."""

from collections.abc import Mapping

import psycopg
from psycopg import sql
from sqlalchemy.engine import make_url

from agent_workers.state.access.grants import Role
from agent_workers.state.database.engine import conninfo
from agent_workers.state.database.session_settings import SCHEMA

_HAS_VECTORS = "select from pg_available_extensions where name = 'vector'"
# People keep tables of their own beside ours, which their transactional tools write into.
_BESIDE = (
    f"grant all on schema public to {Role.OWNER}",
    f"grant all on all tables in schema public to {Role.OWNER}, {Role.WORKER}",
    f"grant all on all sequences in schema public to {Role.OWNER}, {Role.WORKER}",
    f"alter default privileges for role {Role.OWNER} in schema public grant all on tables to {Role.WORKER}",
    f"alter default privileges for role {Role.OWNER} in schema public grant all on sequences to {Role.WORKER}",
)
_IS_THERE = "select from pg_roles where rolname = %s"
# What an earlier release made as a superuser. Sequences go with the tables that they number.
_OURS = """
select case when c.relkind = 'v' then 'view' else 'table' end, c.oid::regclass::text
  from pg_class c where c.relnamespace = to_regnamespace(%(schema)s) and c.relkind in ('r', 'p', 'v')
   and c.relowner <> %(owner)s::regrole and not exists (
       select from pg_depend d where d.objid = c.oid and d.deptype = 'e')
union all
select 'routine', p.oid::regprocedure::text
  from pg_proc p where p.pronamespace = to_regnamespace(%(schema)s)
   and p.proowner <> %(owner)s::regrole and not exists (
       select from pg_depend d where d.objid = p.oid and d.deptype = 'e')
union all
select 'type', t.oid::regtype::text
  from pg_type t left join pg_class c on c.oid = t.typrelid
 where t.typnamespace = to_regnamespace(%(schema)s) and t.typowner <> %(owner)s::regrole
   and (c.relkind is null or c.relkind = 'c') and t.typelem = 0 and not exists (
       select from pg_depend d where d.objid = t.oid and d.deptype = 'e')"""


def make_roles(superuser_url: str, passwords: Mapping[Role, str]) -> dict[Role, str]:
    """Make or renew them in this database; return the URL of each."""
    place = make_url(superuser_url)
    with psycopg.connect(conninfo(superuser_url)) as connection:
        for role, password in passwords.items():
            exists = connection.execute(_IS_THERE, (role,)).fetchone() is not None
            connection.execute(
                sql.SQL("{} role {} login password {} nosuperuser nocreatedb nocreaterole").format(
                    sql.SQL("alter" if exists else "create"), sql.Identifier(role), password
                )
            )
        _give_to_owner(connection, place.database or "")
    return {
        role: place.set(username=role, password=password).render_as_string(hide_password=False)
        for role, password in passwords.items()
    }


def _give_to_owner(connection: psycopg.Connection, database: str) -> None:
    owner = sql.Identifier(Role.OWNER)
    connection.execute(
        sql.SQL("grant create on database {} to {}").format(sql.Identifier(database), owner)
    )
    # It takes a superuser; where a server does not have it, `doctor` says so.
    if connection.execute(_HAS_VECTORS).fetchone() is not None:
        connection.execute("create extension if not exists vector with schema public")
    for statement in _BESIDE:
        connection.execute(statement)
    connection.execute(
        sql.SQL("create schema if not exists {} authorization {}").format(
            sql.Identifier(SCHEMA), owner
        )
    )
    connection.execute(sql.SQL("alter schema {} owner to {}").format(sql.Identifier(SCHEMA), owner))
    found = connection.execute(_OURS, {"schema": SCHEMA, "owner": Role.OWNER}).fetchall()
    for kind, name in found:
        # Postgres itself wrote these names, quotes included.
        connection.execute(f"alter {kind} {name} owner to {Role.OWNER}".encode())
