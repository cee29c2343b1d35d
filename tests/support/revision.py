"""Begins a new migration: its Python file, and its SQL with the functions that it will change."""

import re
import sys
from collections.abc import Sequence
from pathlib import Path

from alembic import command
from alembic.script import ScriptDirectory
from pglast import parse_sql
from pglast.ast import CreateFunctionStmt

from tests.support.database import alembic
from tests.support.frozen import FOLDER

_COMMENT = re.compile(r"(^--.*\n)*\Z", re.MULTILINE)
_CREATE = re.compile(r"^create (or replace )?function", re.MULTILINE | re.IGNORECASE)


def begin(message: str, functions: Sequence[str], ini: Path) -> list[Path]:
    """Write the files of a migration after the newest one, and return them.

    Both `up.sql` and `down.sql` begin with the present text of each function: change it in `up.sql`.
    """
    config = alembic("postgresql://", ini)
    head = ScriptDirectory.from_config(config).get_current_head() or "0000"
    revision = f"{int(head) + 1:04}"
    folder = ini.parent / "migrations" / "sql"
    texts = [text_of(function, folder) for function in functions]
    command.revision(config, message, rev_id=revision)
    (folder / revision).mkdir()
    files = [folder / revision / name for name in ("up.sql", "down.sql")]
    for path in files:
        path.write_text("\n\n".join([f"-- {message}.", *texts]) + "\n", "utf-8")
    return files


def text_of(function: str, folder: Path = FOLDER / "sql") -> str:
    """Return the newest text of a function, with the comment above it, so that it replaces itself."""
    for path in sorted(folder.glob("*/*.sql"), reverse=True):
        source = path.read_bytes()
        for raw in parse_sql(source.decode()) if path.name != "down.sql" else ():
            if isinstance(raw.stmt, CreateFunctionStmt) and raw.stmt.funcname[-1].sval == function:
                begins, ends = raw.stmt_location, raw.stmt_location + raw.stmt_len
                above = _COMMENT.search(source[:begins].decode())
                text = _CREATE.sub("create or replace function", source[begins:ends].decode())
                return f"{above[0] if above else ''}{text};"
    raise SystemExit(f"no migration creates the function {function!r}: look in docs/schema.sql")


def main(message: str, *functions: str) -> None:
    written = begin(message, functions, FOLDER.parent / "alembic.ini")
    for path in written:
        sys.stdout.write(f"{path.relative_to(FOLDER.parent)}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
