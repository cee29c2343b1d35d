"""Searching by vectors needs pgvector; where it is not installed, that is said in one sentence."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg.errors

from agent_workers.domain.facility import NotInstalled
from agent_workers.state.engine import Database

_VERSION = "select extversion from pg_extension where extname = 'vector'"
_MISSING = (
    psycopg.errors.UndefinedObject,
    psycopg.errors.UndefinedFunction,
    psycopg.errors.UndefinedFile,
)


@contextmanager
def needing_vectors() -> Iterator[None]:
    """Say what is missing when a statement names a type or an operator that is not there."""
    try:
        yield
    except _MISSING as error:
        if "vector" not in str(error) and "<=>" not in str(error):
            raise
        raise NotInstalled(
            "this database has no pgvector: install it, then run `create extension vector`"
        ) from None


def version_of_vectors(database: Database) -> str | None:
    """Return the version of pgvector in this database, or None."""
    with database.connection() as connection:
        row = connection.execute(_VERSION).fetchone()
    return None if row is None else str(row[0])
