"""A real pgbouncer in front of a database, where the machine has one."""

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from agent_workers.embedded.ports import LOOPBACK, free_port
from agent_workers.state.database.engine import conninfo

_PROGRAM = "pgbouncer"
_PATIENCE_S = 10.0
# It refuses to run as root.
_ACCOUNT = "nobody"
_READABLE = 0o755


@dataclass(slots=True, kw_only=True)
class Pooler:
    """Sessions are pooled, and start-up options dropped, as installations have it."""

    program: str
    database_url: str
    folder: Path
    port: int = field(default_factory=free_port)
    _process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        there = urlsplit(conninfo(self.database_url))
        return f"postgresql+psycopg://{there.username}@{LOOPBACK}:{self.port}{there.path}"

    def start(self) -> None:
        if self._process is not None and self._process.poll() is None:
            return
        settings = self._write()
        command = [self.program, *(["-u", _ACCOUNT] if os.geteuid() == 0 else []), str(settings)]
        with (self.folder / "pooler.log").open("ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        until = time.monotonic() + _PATIENCE_S
        while time.monotonic() < until:
            with contextlib.suppress(OSError), socket.create_connection((LOOPBACK, self.port), 1):
                return
            time.sleep(0.05)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _write(self) -> Path:
        there = urlsplit(conninfo(self.database_url))
        name, secret = there.path.lstrip("/"), unquote(there.password or "")
        settings = self.folder / "pooler.ini"
        settings.write_text(
            f"[databases]\n{name} = host={there.hostname} port={there.port} dbname={name}"
            f" user={there.username} password='{secret}'\n"
            f"[pgbouncer]\nlisten_addr = {LOOPBACK}\nlisten_port = {self.port}\n"
            "auth_type = any\npool_mode = session\nmax_client_conn = 200\n"
            "default_pool_size = 80\nunix_socket_dir =\n"
            "ignore_startup_parameters = options,extra_float_digits\n"
        )
        settings.chmod(_READABLE)
        return settings


@contextmanager
def running_pooler(database_url: str, folder: Path) -> Iterator[Pooler | None]:
    """Run one until the end; None where there is no pgbouncer on this machine."""
    program = shutil.which(_PROGRAM) or shutil.which(_PROGRAM, path="/usr/sbin")
    if program is None:
        yield None
        return
    place = folder / "pooler"
    place.mkdir()
    place.chmod(_READABLE)
    pooler = Pooler(program=program, database_url=database_url, folder=place)
    try:
        pooler.start()
        yield pooler
    finally:
        pooler.kill()
