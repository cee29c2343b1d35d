"""Makes and drops databases on an embedded Postgres through its own psql, needing no driver."""

import re
import subprocess
from pathlib import Path
from urllib.parse import unquote, urlsplit

from agent_workers.embedded.errors import ServerRefused
from agent_workers.embedded.processes import PLAIN_ENVIRONMENT

NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")


def create(psql: Path, dsn: str, name: str) -> None:
    _run(psql, dsn, f"CREATE DATABASE {_identifier(name)}")


def drop(psql: Path, dsn: str, name: str) -> None:
    _run(psql, dsn, f"DROP DATABASE IF EXISTS {_identifier(name)} WITH (FORCE)")


def _identifier(name: str) -> str:
    if not NAME.fullmatch(name):
        raise ServerRefused(f"not a plain database name: {name!r}")
    return f'"{name}"'


def _run(psql: Path, dsn: str, statement: str) -> None:
    done = subprocess.run(
        [psql, "-XqAt", "-v", "ON_ERROR_STOP=1", "-c", statement],
        capture_output=True,
        text=True,
        # The password goes by the environment: command lines can be read by everybody.
        env=PLAIN_ENVIRONMENT | _connection(dsn),
        check=False,
    )
    if done.returncode != 0:
        raise ServerRefused(f"{statement!r}: {done.stderr.strip()}")


def _connection(dsn: str) -> dict[str, str]:
    parts = urlsplit(dsn)
    return {
        "PGHOST": parts.hostname or "",
        "PGPORT": str(parts.port),
        "PGUSER": parts.username or "",
        "PGPASSWORD": unquote(parts.password or ""),
        "PGDATABASE": parts.path.removeprefix("/"),
        "PGCLIENTENCODING": "UTF8",
    }
