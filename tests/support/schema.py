"""Writes `docs/schema.sql`, the schema after all migrations, and reads it: `make schema`."""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from pglast import parse_sql
from pglast.ast import ColumnDef, CreateStmt

from agent_workers.embedded.programs import postgres_install
from agent_workers.state.database.engine import conninfo
from agent_workers.state.database.session_settings import SCHEMA
from tests.support.database import migrate
from tests.support.frozen import freeze
from tests.support.repository import ROOT
from tests.support.servers import PASSAGE, running_postgres

FILE = ROOT / "docs" / "schema.sql"
_HEAD = """\
-- The schema after all migrations. `make schema` writes this file with pg_dump, and a test compares
-- it with a migrated database. Read it, and change it by a migration: CONTRIBUTING.md says how.

"""
# What pg_dump says of itself and of each object differs from version to version, and says nothing more.
_OBJECT = re.compile(r"\n\n\n--\n-- Name: .*\n--\n\n")
# Roles belong to the server: other tests have made some, and `agent-workers migrate` grants them rights.
_GRANT = re.compile(r"\n+GRANT [^;]+ TO agent_workers_\w+;")
_ENDS = "\n\n\n--\n-- PostgreSQL database dump complete"


def dumped(url: str) -> str:
    """Return the schema of a database as the file has it; Alembic's own table is not in it."""
    told = subprocess.run(
        [
            postgres_install() / "bin" / "pg_dump",
            *("--schema-only", "--no-owner", f"--schema={SCHEMA}"),
            f"--exclude-table={SCHEMA}.alembic_version",
            conninfo(url),
        ],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    schema = f"CREATE SCHEMA {SCHEMA};" + told.partition(f"CREATE SCHEMA {SCHEMA};")[2]
    return _HEAD + _GRANT.sub("", _OBJECT.sub("\n\n", schema.partition(_ENDS)[0])) + "\n"


def tables() -> dict[str, set[str]]:
    """Return the columns of each table."""
    statements = (raw.stmt for raw in parse_sql(FILE.read_text("utf-8")))
    return {
        one.relation.relname: {
            part.colname for part in one.tableElts if isinstance(part, ColumnDef)
        }
        for one in statements
        if isinstance(one, CreateStmt)
    }


def write() -> None:
    """Write the file from a scratch Postgres."""
    with tempfile.TemporaryDirectory(prefix="agent-workers-schema-") as folder:
        Path(folder).chmod(PASSAGE)
        with running_postgres(Path(folder)) as server:
            url = server.create_database("schema")
            migrate(url)
            FILE.write_text(dumped(url), "utf-8")


def main(again: str) -> None:
    if complaints := freeze(again):
        sys.exit("\n".join(complaints))
    write()
    sys.stdout.write(f"{FILE.relative_to(ROOT)}: {len(tables())} tables\n")


if __name__ == "__main__":
    main("".join(sys.argv[1:]))
