"""Runs migrations against the database that the settings name, each in its own transaction."""

from alembic import context
from sqlalchemy import Connection, NullPool, create_engine, text
from sqlalchemy.exc import DBAPIError

from agent_workers.domain.text.addresses import shown_address
from agent_workers.state.database.session_settings import SCHEMA, SETTINGS
from agent_workers.terminal.errors import CommandFailed

_VECTORS_HERE = """
select true from pg_extension where extname = 'vector'
   and extnamespace = to_regnamespace(:name)::oid"""
_IN_USE = "2BP01"
_LOCK_NOT_AVAILABLE = "55P03"


def run(url: str) -> None:
    """Migrate one database; a lock that does not come within 5 s gives up rather than blocks."""
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        # Whoever may not create schemas has been given this one.
        if not connection.scalar(text("select to_regnamespace(:name)"), {"name": SCHEMA}):
            connection.execute(text(f"create schema {SCHEMA}"))
        connection.execute(text("set lock_timeout = '5s'"))
        connection.execute(text(f"set search_path = {SETTINGS['search_path']}"))
        connection.commit()
        context.configure(connection=connection, transaction_per_migration=True)
        try:
            with context.begin_transaction():
                context.run_migrations()
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) != _LOCK_NOT_AVAILABLE:
                raise
            raise CommandFailed(
                f"a migration of Postgres at {shown_address(url)} waited 5 s for a lock and gave up, so"
                " it changed nothing: run `agent-workers migrate` again once the long transactions"
                " there (a backup, for example) have ended"
            ) from error
        if context.get_context().get_current_revision() is None:
            _leave(connection)
    engine.dispose()


def _leave(connection: Connection) -> None:
    """Take the schema away with its last table, unless others use what is in it, say pgvector."""
    try:
        if connection.scalar(text(_VECTORS_HERE), {"name": SCHEMA}):
            connection.execute(text("drop extension vector"))
        connection.execute(text(f"drop table if exists {SCHEMA}.alembic_version"))
        connection.execute(text(f"drop schema {SCHEMA}"))
        connection.commit()
    except DBAPIError as error:
        connection.rollback()
        if getattr(error.orig, "sqlstate", None) != _IN_USE:
            raise


run(context.config.get_main_option("sqlalchemy.url") or "")
