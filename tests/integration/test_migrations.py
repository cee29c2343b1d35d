"""Whether the migrations lead up, down and up again to exactly what the tables say."""

import re
from pathlib import Path

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy.dialects.postgresql import dialect
from sqlalchemy.exc import OperationalError
from sqlalchemy.schema import CreateTable

from agent_workers.state.database.engine import connect
from agent_workers.state.tables import metadata
from agent_workers.state.tables_agents import agent_versions
from agent_workers.state.tables_batches import batches
from agent_workers.state.tables_effects import effects
from agent_workers.state.tables_knowledge import knowledge_documents
from agent_workers.state.tables_labels import job_labels
from agent_workers.state.tables_mcp import mcp_servers
from agent_workers.state.tables_memories import memories
from agent_workers.state.tables_quotas import quotas
from agent_workers.state.tables_schedules import schedules
from agent_workers.state.tables_sessions import sessions
from agent_workers.state.tables_tools import tools
from agent_workers.state.tables_triggers import triggers
from agent_workers.state.tables_waits import waits
from agent_workers.state.tables_webhooks import webhook_endpoints
from agent_workers.state.tables_workspaces import workspaces
from tests.support.database import alembic

assert (
    agent_versions.metadata
    is waits.metadata
    is triggers.metadata
    is schedules.metadata
    is batches.metadata
    is effects.metadata
    is webhook_endpoints.metadata
    is workspaces.metadata
    is sessions.metadata
    is mcp_servers.metadata
    is memories.metadata
    is knowledge_documents.metadata
    is tools.metadata
    is quotas.metadata
    is job_labels.metadata
    is metadata
)
# What belongs to an extension is not ours: it is neither compared nor taken away.
_OURS = """not exists (select from pg_depend d where d.classid = 'pg_proc'::regclass
   and d.objid = p.oid and d.deptype = 'e')"""
_LEFT = f"""
select relname::text from pg_class c join pg_namespace n on n.oid = relnamespace
 where nspname = 'agent_workers' and relkind in ('r','c','S') union
select proname::text from pg_proc p join pg_namespace n on n.oid = pronamespace
 where nspname = 'agent_workers' and {_OURS}"""
_ALL = f"""
select md5(string_agg(line, '' order by line)) from (
  select pg_get_functiondef(p.oid) as line from pg_proc p
    join pg_namespace n on n.oid = pronamespace where nspname = 'agent_workers' and {_OURS} union all
  select pg_get_constraintdef(c.oid) from pg_constraint c
    join pg_namespace n on n.oid = connamespace where nspname = 'agent_workers' union all
  select pg_get_triggerdef(t.oid) from pg_trigger t where not tgisinternal union all
  select indexdef from pg_indexes where schemaname = 'agent_workers') d"""

_CHECKS = """
select split_part(conrelid::regclass::text, '.', -1) || ' ' || conname || ' ' || pg_get_constraintdef(c.oid)
  from pg_constraint c join pg_namespace n on n.oid = connamespace
 where nspname = 'agent_workers' and contype in ('c', 'f', 'u', 'p')"""

# Tables, functions and types: an index, a sequence or an array type goes with one of them.
_IN_PUBLIC = """
select relname::text from pg_class where relnamespace = 'public'::regnamespace union
select proname::text from pg_proc where pronamespace = 'public'::regnamespace union
select typname::text from pg_type where typnamespace = 'public'::regnamespace"""
_SCHEMA = "select nspname::text from pg_namespace where nspname = 'agent_workers'"


def _all(url: str, sql: str) -> list[object]:
    with connect(url, name="test") as connection:
        return [row[0] for row in connection.execute(sql.encode()).fetchall()]


def test_there_is_one_head_and_file_names_say_when_and_what() -> None:
    scripts = ScriptDirectory.from_config(alembic("postgresql://"))
    assert len(scripts.get_heads()) == 1
    for script in scripts.walk_revisions():
        name = Path(script.path).name
        assert re.fullmatch(r"\d{4}-\d\d-\d\d-\d{4}_[a-z_]+\.py", name), name
        assert script.doc.endswith("."), name


def test_up_and_down_and_up_again_leads_to_the_same_place(database_url: str) -> None:
    config = alembic(database_url)
    command.upgrade(config, "head")
    first = _all(database_url, _ALL)
    command.downgrade(config, "base")
    assert _all(database_url, _LEFT) == []
    command.upgrade(config, "head")
    assert _all(database_url, _ALL) == first


def test_all_of_ours_is_in_a_schema_of_its_own(database_url: str) -> None:
    config = alembic(database_url)
    command.upgrade(config, "head")
    assert _all(database_url, _IN_PUBLIC) == []
    command.downgrade(config, "base")
    assert _all(database_url, _SCHEMA) == []


def test_every_single_step_goes_down_and_up(database_url: str) -> None:
    config = alembic(database_url)
    command.upgrade(config, "head")
    for _ in ScriptDirectory.from_config(config).walk_revisions():
        command.downgrade(config, "-1")
    assert _all(database_url, _LEFT) == []
    command.upgrade(config, "head")


def test_tables_in_code_and_in_the_database_are_the_same(database_url: str) -> None:
    config = alembic(database_url)
    command.upgrade(config, "head")
    command.check(config)


def test_checks_in_code_and_in_the_database_are_the_same(database_url: str) -> None:
    """Alembic does not compare CHECK constraints, so this does: by their names and words."""
    command.upgrade(alembic(database_url), "head")
    in_database = set(_all(database_url, _CHECKS))
    with connect(database_url, name="test") as connection:
        connection.execute("create schema from_code")
        connection.execute("set search_path = from_code")
        for table in metadata.sorted_tables:
            connection.execute(str(CreateTable(table).compile(dialect=dialect())).encode())
        rows = connection.execute(
            _CHECKS.replace("'agent_workers'", "'from_code'").encode()
        ).fetchall()
        connection.execute("drop schema from_code cascade")
    in_code = {row[0] for row in rows}
    assert in_code == {line for line in in_database if not str(line).startswith("alembic_version")}


def test_a_migration_gives_up_on_a_lock_instead_of_blocking_everybody(database_url: str) -> None:
    config = alembic(database_url)
    command.upgrade(config, "head")
    with connect(database_url, name="test") as other, other.transaction():
        other.execute("set idle_in_transaction_session_timeout = 0")
        other.execute("select 1 from jobs")
        with pytest.raises(OperationalError, match="lock timeout"):
            command.downgrade(config, "base")
    command.downgrade(config, "base")
