"""A real pgbouncer of our own, where the machine has one installed: it drops our start-up options."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.engine import URL, make_url

from agent_workers.embedded.ports import LOOPBACK, free_port

PATIENCE_S = 10.0
_SETTINGS = """\
[databases]
* = host={host} port={server_port}
[pgbouncer]
listen_addr = {host}
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {users}
admin_users = {admin}
pool_mode = {mode}
ignore_startup_parameters = options
"""


class Pooler:
    """One pgbouncer before a server; `url_of` turns the URL of a database into one through it."""

    def __init__(self, folder: Path, *, mode: str, database_url: str) -> None:
        self._program = pgbouncer_program()
        self._folder = folder
        self._mode = mode
        self._port = free_port()
        self._server = make_url(database_url)
        self._users = {str(self._server.username): str(self._server.password)}

    def add_user(self, name: str, password: str) -> None:
        """Let somebody in; before the start."""
        self._users[name] = password

    def url_of(self, url: str | URL) -> str:
        through = make_url(url).set(host=LOOPBACK, port=self._port)
        return through.render_as_string(hide_password=False)

    def reconnect(self) -> None:
        """Let go of the server's sessions, so that new ones begin as roles begin now."""
        url = make_url(self.url_of(self._server)).set(drivername="postgresql", database="pgbouncer")
        with psycopg.connect(url.render_as_string(hide_password=False), autocommit=True) as admin:
            psycopg.ClientCursor(admin).execute("RECONNECT")

    @contextmanager
    def running(self) -> Iterator["Pooler"]:
        with (self._folder / "pgbouncer.log").open("wb") as log:
            process = subprocess.Popen(
                [self._program, *self._account(), self._written()],
                stdout=subprocess.DEVNULL,
                stderr=log,
            )
        try:
            self._wait()
            yield self
        finally:
            process.kill()
            process.wait()

    def _account(self) -> list[str]:
        return ["-u", "nobody"] if os.geteuid() == 0 else []

    def _written(self) -> Path:
        users = self._folder / "users.txt"
        users.write_text("".join(f'"{name}" "{word}"\n' for name, word in self._users.items()))
        settings = self._folder / "pgbouncer.ini"
        settings.write_text(
            _SETTINGS.format(
                host=LOOPBACK,
                port=self._port,
                server_port=self._server.port,
                users=users,
                admin=self._server.username,
                mode=self._mode,
            )
        )
        for one in (self._folder, users, settings):
            one.chmod(0o755)
        return settings

    def _wait(self) -> None:
        url = make_url(self.url_of(self._server)).set(drivername="postgresql")
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                psycopg.connect(url.render_as_string(hide_password=False)).close()
            except psycopg.OperationalError:
                said = (self._folder / "pgbouncer.log").read_text()
                assert time.monotonic() < deadline, said[-2000:]
                time.sleep(0.05)
            else:
                return


def pgbouncer_program() -> str:
    found = shutil.which("pgbouncer", path=f"{os.defpath}:/usr/sbin:/usr/local/bin")
    if found is None:
        pytest.skip("no pgbouncer on this machine")
    return found
