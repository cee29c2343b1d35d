"""A real Redis-protocol server of our own: valkey from a wheel, or what is on the path."""

import os
import secrets
import shutil
import signal
import socket
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from agent_workers.embedded.errors import ServerDidNotStart
from agent_workers.embedded.ports import LOOPBACK, free_port, still_free
from agent_workers.embedded.processes import Blow
from agent_workers.embedded.programs import redis_program
from agent_workers.embedded.server_process import Launch, ServerProcess

OWNER: Final = "owner"
AGENT: Final = "agent"

# The keys and channels of all processes. Who listens to a pattern needs it by the letter: Flower to
# events in database 0, and Celery's remote control where it is turned on.
_PLACES: Final = "~aw:* &aw:* &aw:/0.celeryev/* &aw:/0.celery.pidbox &aw:/0.reply.celery.pidbox"
_COMMANDS: Final = (
    "auth hello ping quit reset select client|setinfo client|setname client|id info time type"
    " get set del exists expire pexpire ttl pttl"
    " llen lpush rpush rpop brpop"
    " sadd smembers srem zadd zrem zrangebyscore"
    " hget hmget hset hdel hexists hincrby hincrbyfloat"
    " xadd xread xrevrange xlen"
    " publish subscribe psubscribe unsubscribe punsubscribe"
    " multi exec eval evalsha script|load script|exists"
).split()
# No flush, no scan, no settings, no users, no shutdown; other keys are not even readable.
RULE: Final = f"{_PLACES} -@all {' '.join(f'+{name}' for name in _COMMANDS)}"


def users(*, owner: str, agent: str) -> str:
    """Write the users of a server with their passwords; without a name nobody comes in."""
    return (
        f"user default off\nuser {OWNER} on >{owner} ~* &* +@all\nuser {AGENT} on >{agent} {RULE}\n"
    )


# SIGTERM saves the append-only file and leaves.
IN_ORDER = (Blow(signal=signal.SIGTERM, patience_s=10.0),)
START_PATIENCE_S = 30.0
START_ATTEMPTS = 5
RETRY_AFTER_S = 0.3
PING_PATIENCE_S = 1.0
CONFIGURATION = """\
bind {host}
port {port}
dir "{folder}"
pidfile "{pid_file}"
{users}appendonly yes
appendfsync everysec
save ""
maxmemory-policy noeviction
daemonize no
# The command line must go on naming this file: by it a leftover is recognised.
set-proc-title no
"""


class EmbeddedRedis:
    """One Redis-protocol server with its data in `folder`, reachable on a loopback port."""

    def __init__(
        self, folder: Path, *, port: int | None = None, program: Path | None = None
    ) -> None:
        self.folder = folder.absolute()
        self.port = port or free_port()
        self._port_is_fixed = port is not None
        self._program = program
        self._process = ServerProcess(self.folder, "redis")

    @property
    def url(self) -> str:
        return self.url_of(0)

    @property
    def log(self) -> Path:
        return self._process.log

    @property
    def pid(self) -> int | None:
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process.is_running

    @property
    def agent_url(self) -> str:
        """For our own processes, which may do what they need and no more."""
        return f"redis://{AGENT}:{self._password(AGENT)}@{LOOPBACK}:{self.port}/0"

    def url_of(self, database: int) -> str:
        """For whoever looks after the server: all is allowed."""
        return f"redis://{OWNER}:{self._password()}@{LOOPBACK}:{self.port}/{database}"

    def start(self) -> Self:
        """Start, after ending what a killed owner left here; later starts keep the port."""
        if self.is_running:
            return self
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._process.take_folder()
        try:
            self._start_in_own_folder()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stop in order and let the next owner have the folder."""
        self._process.end(IN_ORDER)
        self._process.leave_folder()

    def kill(self) -> None:
        """Crash it as kill -9 does; the folder stays ours."""
        self._process.end(())

    def end_leftover(self) -> bool:
        """End what a killed owner left here, without starting; says whether there was any."""
        if not self.folder.is_dir() or self.is_running:
            return False
        self._process.take_folder()
        try:
            return self._end_leftover()
        finally:
            self._process.leave_folder()

    def destroy(self) -> None:
        """Stop and delete the data."""
        self.stop()
        self.end_leftover()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _start_in_own_folder(self) -> None:
        program = redis_program(self._program)
        self._end_leftover()
        for _ in range(START_ATTEMPTS):
            self.port = still_free(self.port, is_fixed=self._port_is_fixed)
            self._write_configuration()
            if self._process.begin(self._launch(program)):
                self._port_is_fixed = True
                return
            self._process.end(IN_ORDER)
            self._end_leftover()
            time.sleep(RETRY_AFTER_S)
        place = str(self._process.log)
        message = f"{program.name} did not start; {place!r} ends: {self._process.last_words()}"
        raise ServerDidNotStart(message)

    def _end_leftover(self) -> bool:
        return self._process.end_leftover(
            pid_file=self._pid_file, says=self._says(), blows=IN_ORDER
        )

    def _launch(self, program: Path) -> Launch:
        return Launch(
            command=[str(program), str(self._configuration)],
            says=self._says(),
            is_ready=lambda _: self._answers(),
            patience_s=START_PATIENCE_S,
        )

    def _says(self) -> str:
        """What only the command line of this folder's server says."""
        return f"-server {self._configuration}"

    def _answers(self) -> bool:
        """Only our own server knows the password; while it loads its data it says LOADING."""
        try:
            with socket.create_connection((LOOPBACK, self.port), PING_PATIENCE_S) as wire:
                wire.sendall(f"AUTH {OWNER} {self._password()}\r\nPING\r\nQUIT\r\n".encode())
                with wire.makefile("rb") as answers:
                    return answers.read().startswith(b"+OK\r\n+PONG\r\n")
        except OSError:
            return False

    def _password(self, user: str = OWNER) -> str:
        path = self.folder / ("password" if user == OWNER else f"password_of_{user}")
        if not path.exists():
            _write_secret(path, secrets.token_urlsafe(24))
        return path.read_text()

    def _write_configuration(self) -> None:
        text = CONFIGURATION.format(
            host=LOOPBACK,
            port=self.port,
            folder=_quoted(self.folder),
            pid_file=_quoted(self._pid_file),
            users=users(owner=self._password(), agent=self._password(AGENT)),
        )
        _write_secret(self._configuration, text)

    @property
    def _configuration(self) -> Path:
        return self.folder / "redis.conf"

    @property
    def _pid_file(self) -> Path:
        return self.folder / "redis.pid"


def _quoted(path: Path) -> str:
    return str(path).replace("\\", "\\\\").replace('"', '\\"')


def _write_secret(path: Path, text: str) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(text)
