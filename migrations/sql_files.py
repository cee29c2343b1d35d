"""Runs the SQL files of migrations: each revision has a folder, and what is in it never changes."""

from pathlib import Path

from alembic import op

_FOLDER = Path(__file__).parent / "sql"


def run(revision: str, *names: str) -> None:
    """Run SQL files of a revision's folder, in this order."""
    for name in names:
        # exec_driver_sql: a colon or a percent sign in the file is SQL, not a parameter.
        text = (_FOLDER / revision / name).read_text("utf-8")
        op.get_bind().exec_driver_sql(text.replace("%", "%%"))


def build_index(name: str, on: str) -> None:
    """Build an index while others write. It is a migration of its own, which can be run again.

    What stopped half-way leaves an index that nobody reads: that one is dropped first.
    """
    with op.get_context().autocommit_block():
        op.execute(f"drop index concurrently if exists {name}")
        op.execute(f"create index concurrently {name} on {on}")
