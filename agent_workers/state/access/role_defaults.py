"""What the sessions of the workers' role begin with, for where our options do not arrive."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum

import psycopg
import psycopg.errors
from psycopg import sql
from sqlalchemy.engine import make_url

from agent_workers.domain.errors import StateUnavailable
from agent_workers.state.database.engine import Connection, opened
from agent_workers.state.database.session_settings import SCHEMA, SETTINGS

# A role that is used for other things here as well: our path would hide its own tables from it.
_IS_SHARED = """
select r.rolsuper or exists (
  select from pg_class c join pg_namespace n on n.oid = c.relnamespace
   where c.relkind in ('r', 'p', 'v', 'm', 'f')
     and n.nspname <> %(schema)s and n.nspname <> 'information_schema' and n.nspname !~ '^pg_'
     and (c.relowner = r.oid
          or exists (select from aclexplode(c.relacl) a where a.grantee = r.oid))
     and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass
                        and d.objid = c.oid and d.deptype = 'e'))
  from pg_roles r where r.rolname = %(role)s"""


class Ask(StrEnum):
    """Whether to set them: `auto` leaves a role alone that is used for other things as well."""

    AUTO = "auto"
    SET = "set"
    LEAVE = "leave"


class Answer(StrEnum):
    SET = "set"
    SHARED = "shared"
    FORBIDDEN = "forbidden"
    UNKNOWN = "unknown"
    LEFT = "left"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What became of it, and the statements for whoever may run them."""

    role: str
    database: str
    answer: Answer
    statements: tuple[str, ...] = ()


def set_role_defaults(url: str, *, workers_url: str, ask: Ask) -> Told:
    """Keep our settings for the role that workers connect as, in this database only."""
    with _session(url) as connection:
        row = connection.execute("select session_user::text, current_database()::text").fetchone()
        assert row is not None
        role, database = make_url(workers_url).username or row[0], row[1]
        alter = [_alter(connection, role, database, name) for name in SETTINGS]
        told = Told(role=role, database=database, answer=Answer.LEFT, statements=tuple(alter))
        if ask is Ask.LEAVE:
            return told
        shared = connection.execute(_IS_SHARED, {"role": role, "schema": SCHEMA}).fetchone()
        if shared is None:
            return _as(told, Answer.UNKNOWN)
        if shared[0] and ask is Ask.AUTO:
            return _as(told, Answer.SHARED)
        try:
            with connection.transaction():
                for statement in alter:
                    connection.execute(statement.encode())
        except psycopg.errors.InsufficientPrivilege:
            return _as(told, Answer.FORBIDDEN)
        return _as(told, Answer.SET)


def forget_role_defaults(url: str, *, workers_url: str) -> None:
    """Take back what was set, where that is allowed; what somebody else set stays."""
    told = set_role_defaults(url, workers_url=workers_url, ask=Ask.LEAVE)
    with _session(url) as connection:
        for name in _ours(connection, told):
            reset = sql.SQL("alter role {} in database {} reset {}").format(
                *map(sql.Identifier, (told.role, told.database, name))
            )
            try:
                connection.execute(reset)
            except psycopg.errors.InsufficientPrivilege:
                return


@contextmanager
def _session(url: str) -> Iterator[Connection]:
    """Open a connection, whether or not it has our settings already."""
    try:
        session, _ = opened(url, name="agent_workers migrate")
    except psycopg.OperationalError as error:
        raise StateUnavailable(str(error).strip()) from error
    with session as connection:
        yield connection


def _ours(connection: Connection, told: Told) -> list[str]:
    row = connection.execute(
        "select setconfig from pg_db_role_setting s join pg_roles r on r.oid = s.setrole"
        " join pg_database d on d.oid = s.setdatabase where rolname = %s and datname = %s",
        (told.role, told.database),
    ).fetchone()
    kept = dict(one.split("=", 1) for one in row[0]) if row else {}
    return [name for name, value in SETTINGS.items() if kept.get(name) == value]


def _alter(connection: Connection, role: str, database: str, name: str) -> str:
    # The path is a list of names; as one text it would be one name with a comma in it.
    value = SETTINGS[name] if name == "search_path" else f"'{SETTINGS[name]}'"
    place = map(sql.Identifier, (role, database, name))
    return (
        sql.SQL("alter role {} in database {} set {} = ").format(*place).as_string(connection)
        + value
    )


def _as(told: Told, answer: Answer) -> Told:
    return Told(role=told.role, database=told.database, answer=answer, statements=told.statements)
