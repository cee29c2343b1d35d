"""A real Postgres of our own: started from a wheel, stopped in order, cleaned up after a crash."""

import re
import signal
import subprocess
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from typing_extensions import override

from agent_workers.embedded.accounts import account_for
from agent_workers.embedded.cluster import (
    SUPERUSER,
    Site,
    ensure_cluster,
    let_neighbours_in,
    password_of,
)
from agent_workers.embedded.errors import ServerRefused
from agent_workers.embedded.ports import LOOPBACK
from agent_workers.embedded.processes import PLAIN_ENVIRONMENT, Blow
from agent_workers.embedded.programs import postgres_install
from agent_workers.embedded.server_process import Launch, ServerProcess
from agent_workers.embedded.shelter import (
    PASSAGE,
    default_shelter,
    reachable_install,
    remove_home,
)

# Fast shutdown (SIGINT) breaks connections off and checkpoints; immediate (SIGQUIT) does neither.
IN_ORDER = (
    Blow(signal=signal.SIGINT, patience_s=20.0),
    Blow(signal=signal.SIGQUIT, patience_s=5.0),
)
AT_ONCE = (Blow(signal=signal.SIGQUIT, patience_s=10.0),)
START_PATIENCE_S = 60.0
SETTINGS = {
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "dynamic_shared_memory_type": "mmap",  # in its own folder, where no other program writes
    "log_line_prefix": "%m [%p] ",
}
# Survives every crash of Postgres, not one of the machine; a commit is still a commit.
FORGETFUL = {"fsync": "off", "full_page_writes": "off"}
# In the server's own pid file; `pg_ctl` waits for the same line.
STATUS_LINE = 7


class EmbeddedPostgres(ServerProcess):
    """A Postgres that any process of this machine may use, if it knows the password."""

    in_order = IN_ORDER
    at_once = AT_ONCE

    def __init__(
        self,
        folder: Path,
        *,
        port: int | None = None,
        durable: bool = True,
        install: Path | None = None,
        shelter: Path | None = None,
        also_at: str = "",
    ) -> None:
        """Make ready; with `also_at` it listens at that address too, for neighbours in its net."""
        super().__init__(folder, "postgres", port=port)
        self._also_at = also_at
        self._durable = durable
        self._install = install
        self._shelter = shelter
        self._site: Site | None = None

    @property
    def url(self) -> str:
        """For SQLAlchemy with psycopg 3."""
        return self.url_of("postgres")

    @property
    def dsn(self) -> str:
        """For psycopg and psql."""
        return self.dsn_of("postgres")

    @property
    def shared_account(self) -> str:
        """The account that it runs as, where other programs of this machine may run as the same."""
        account = self._known_site().account
        return account.name if account and account.is_shared else ""

    def url_of(self, database: str) -> str:
        return self.dsn_of(database).replace("postgresql://", "postgresql+psycopg://", 1)

    def dsn_of(self, database: str) -> str:
        secret = quote(password_of(self._known_site()), safe="")
        return f"postgresql://{SUPERUSER}:{secret}@{LOOPBACK}:{self.port}/{database}"

    def kill_immediate(self) -> None:
        """Crash it as `pg_ctl stop -m immediate` does: no checkpoint; the folder stays ours."""
        self._end(AT_ONCE)

    @override
    def destroy(self) -> None:
        """Stop and delete the data, wherever it lies."""
        self.stop()
        self.end_leftover()
        data = self.folder / "data"
        if data.is_symlink():
            remove_home(data.resolve().parent, self.folder)
        super().destroy()

    def create_database(self, name: str) -> str:
        """Make an empty database; returns its SQLAlchemy URL."""
        _create(self._psql(), self.dsn, name)
        return self.url_of(name)

    def drop_database(self, name: str) -> None:
        """Drop it if it exists, breaking off whoever is connected."""
        _drop(self._psql(), self.dsn, name)

    @override
    def _make_folder(self) -> None:
        if not self.folder.exists():
            self.folder.mkdir(parents=True)
            self.folder.chmod(PASSAGE)

    @property
    @override
    def _program(self) -> str:
        return "Postgres"

    @property
    @override
    def _pid_file(self) -> Path:
        return (self.folder / "data").resolve() / "postmaster.pid"

    @property
    @override
    def _says(self) -> str:
        return f"postgres -D {(self.folder / 'data').resolve()} -c "

    @override
    def _prepare(self) -> None:
        site = self._site = self._site or self._find_site()
        ensure_cluster(site, durable=self._durable)
        if self._also_at:
            let_neighbours_in(site)

    @override
    def _launch(self) -> Launch:
        site = self._known_site()
        addresses = ",".join(filter(None, (LOOPBACK, self._also_at)))
        settings = (
            SETTINGS
            | ({} if self._durable else FORGETFUL)
            | {"listen_addresses": addresses, "port": str(self.port)}
        )
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return Launch(
            command=[site.program("postgres"), "-D", str(site.data), *options],
            is_ready=lambda pid: _is_ready(self._pid_file, pid),
            patience_s=START_PATIENCE_S,
            account=site.account,
        )

    def _known_site(self) -> Site:
        if self._site is None:
            raise ServerRefused("start the server first")
        return self._site

    def _find_site(self) -> Site:
        account = account_for(self.folder / "data")
        shelter = self._shelter or default_shelter()
        install = reachable_install(postgres_install(self._install), account, shelter)
        return Site(install=install, folder=self.folder, shelter=shelter, account=account)

    def _psql(self) -> Path:
        return postgres_install(self._install) / "bin" / "psql"


def _is_ready(pid_file: Path, pid: int) -> bool:
    try:
        lines = pid_file.read_text().splitlines()
    except OSError:
        return False
    if len(lines) <= STATUS_LINE or lines[0] != str(pid):
        return False
    return lines[STATUS_LINE].strip() == "ready"


DATABASE_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")


def _create(psql: Path, dsn: str, name: str) -> None:
    _run(psql, dsn, f"CREATE DATABASE {_identifier(name)}")


def _drop(psql: Path, dsn: str, name: str) -> None:
    _run(psql, dsn, f"DROP DATABASE IF EXISTS {_identifier(name)} WITH (FORCE)")


def _identifier(name: str) -> str:
    if not DATABASE_NAME.fullmatch(name):
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
