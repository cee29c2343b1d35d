"""Runs migrations against the database that the settings name, each in its own transaction."""

from alembic import context
from sqlalchemy import Connection, NullPool, create_engine, text
from sqlalchemy.exc import DBAPIError

from agent_workers.state.database.session_settings import SCHEMA, SETTINGS
from agent_workers.state.tables import metadata
from agent_workers.state.tables_batches import batches as _batches
from agent_workers.state.tables_breakers import breakers as _breakers
from agent_workers.state.tables_effects import effects as _effects  # so that metadata is whole
from agent_workers.state.tables_knowledge import knowledge_documents as _documents
from agent_workers.state.tables_labels import job_labels as _job_labels
from agent_workers.state.tables_mcp import mcp_servers as _mcp_servers
from agent_workers.state.tables_memories import memories as _memories
from agent_workers.state.tables_quotas import quotas as _quotas
from agent_workers.state.tables_schedules import schedules as _schedules
from agent_workers.state.tables_sessions import sessions as _sessions
from agent_workers.state.tables_tools import tools as _tools
from agent_workers.state.tables_triggers import triggers as _triggers
from agent_workers.state.tables_webhooks import webhook_endpoints as _endpoints
from agent_workers.state.tables_workspaces import workspaces as _workspaces

assert (
    _breakers.metadata
    is _triggers.metadata
    is _batches.metadata
    is _effects.metadata
    is _endpoints.metadata
    is _schedules.metadata
    is _workspaces.metadata
    is _mcp_servers.metadata
    is _sessions.metadata
    is _memories.metadata
    is _documents.metadata
    is _quotas.metadata
    is _tools.metadata
    is _job_labels.metadata
    is metadata
)

_VECTORS_HERE = """
select true from pg_extension where extname = 'vector'
   and extnamespace = to_regnamespace(:name)::oid"""
_IN_USE = "2BP01"


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
        # Alembic compares what has no schema in our metadata with what is in this one.
        connection.dialect.default_schema_name = SCHEMA
        context.configure(
            connection=connection,
            target_metadata=metadata,
            compare_server_default=False,
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()
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
