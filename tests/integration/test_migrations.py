"""Whether the migrations lead up, down and up again to exactly the schema in `docs/schema.sql`."""

import re
from pathlib import Path

import pytest
from alembic import command
from alembic.script import ScriptDirectory

from agent_workers.state.database.engine import connect
from agent_workers.terminal.errors import CommandFailed
from tests.support.database import alembic
from tests.support.schema import FILE, dumped

# What belongs to an extension is not ours: it is not taken away.
_LEFT = """
select relname::text from pg_class where relnamespace = to_regnamespace('agent_workers')::oid
   and relkind in ('r', 'c', 'S') union
select proname::text from pg_proc p where pronamespace = to_regnamespace('agent_workers')::oid
   and not exists (select from pg_depend d where d.classid = 'pg_proc'::regclass
                      and d.objid = p.oid and d.deptype = 'e')"""
# Tables, functions and types: an index, a sequence or an array type goes with one of them.
_IN_PUBLIC = """
select relname::text from pg_class where relnamespace = 'public'::regnamespace union
select proname::text from pg_proc where pronamespace = 'public'::regnamespace union
select typname::text from pg_type where typnamespace = 'public'::regnamespace"""
_SCHEMA = "select nspname::text from pg_namespace where nspname = 'agent_workers'"


def _all(url: str, sql: str) -> list[object]:
    with connect(url, name="test") as connection:
        return [row[0] for row in connection.execute(sql.encode()).fetchall()]


def test_there_is_one_head_and_file_names_say_which_and_what() -> None:
    scripts = ScriptDirectory.from_config(alembic("postgresql://"))
    assert len(scripts.get_heads()) == 1
    for script in scripts.walk_revisions():
        name = Path(script.path).name
        assert re.fullmatch(rf"{script.revision}_[a-z_]+\.py", name), name
        assert script.doc.endswith("."), name


def test_up_leads_to_the_schema_in_the_docs_and_so_do_down_and_up_again(
    empty_database_url: str,
) -> None:
    config = alembic(empty_database_url)
    for _ in range(2):
        command.upgrade(config, "head")
        assert dumped(empty_database_url) == FILE.read_text("utf-8"), "run `make schema`"
        command.downgrade(config, "base")
        assert _all(empty_database_url, _LEFT) == []


def test_all_of_ours_is_in_a_schema_of_its_own(empty_database_url: str) -> None:
    config = alembic(empty_database_url)
    command.upgrade(config, "head")
    assert _all(empty_database_url, _IN_PUBLIC) == []
    command.downgrade(config, "base")
    assert _all(empty_database_url, _SCHEMA) == []


def test_every_single_step_goes_down_and_up(empty_database_url: str) -> None:
    config = alembic(empty_database_url)
    command.upgrade(config, "head")
    for _ in ScriptDirectory.from_config(config).walk_revisions():
        command.downgrade(config, "-1")
    assert _all(empty_database_url, _LEFT) == []
    command.upgrade(config, "head")


def test_a_migration_gives_up_on_a_lock_instead_of_blocking_everybody(
    empty_database_url: str,
) -> None:
    config = alembic(empty_database_url)
    command.upgrade(config, "head")
    with connect(empty_database_url, name="test") as other, other.transaction():
        other.execute("set idle_in_transaction_session_timeout = 0")
        other.execute("select 1 from jobs")
        with pytest.raises(CommandFailed, match="waited 5 s for a lock"):
            command.downgrade(config, "base")
    command.downgrade(config, "base")
