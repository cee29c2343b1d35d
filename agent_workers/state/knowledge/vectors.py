"""Searching by vectors needs pgvector, wherever it is; without it, that is said in one sentence."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg.errors

from agent_workers.domain.tools.facility import NotInstalled
from agent_workers.state.database.engine import Connection, Database

# By its own schema: one that was there before us may be in a schema that we do not look into.
_SCHEMA = """
select quote_ident(nspname) from pg_extension e join pg_namespace n on n.oid = e.extnamespace
 where extname = 'vector'"""
_VERSION = "select extversion from pg_extension where extname = 'vector'"
_MISSING = (
    psycopg.errors.UndefinedObject,
    psycopg.errors.UndefinedFunction,
    psycopg.errors.UndefinedFile,
)

_LACKING = "this database has no pgvector: install it, then run `create extension vector`"


@contextmanager
def needing_vectors() -> Iterator[None]:
    """Say what is missing when a statement names a type or an operator that is not there."""
    try:
        yield
    except _MISSING as error:
        if "vector" not in str(error) and "<=>" not in str(error):
            raise
        raise NotInstalled(_LACKING) from None


def schema_of_vectors(connection: Connection) -> str:
    """Return the schema of pgvector, quoted: types and operators are named with it."""
    row = connection.execute(_SCHEMA).fetchone()
    if row is None:
        raise NotInstalled(_LACKING)
    return str(row[0])


def version_of_vectors(database: Database) -> str | None:
    """Return the version of pgvector in this database, or None."""
    with database.connection() as connection:
        row = connection.execute(_VERSION).fetchone()
    return None if row is None else str(row[0])
