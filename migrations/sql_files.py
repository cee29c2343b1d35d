"""Reads the SQL files that migrations run."""

from pathlib import Path

from alembic import op

_FOLDER = Path(__file__).parent / "sql"


def run(*names: str) -> None:
    """Run SQL files in this order, giving up on a lock that does not come within 5 s."""
    op.execute("set local lock_timeout = '5s'")
    for name in names:
        # exec_driver_sql: a colon or a percent sign in the file is SQL, not a parameter.
        op.get_bind().exec_driver_sql((_FOLDER / name).read_text("utf-8").replace("%", "%%"))
