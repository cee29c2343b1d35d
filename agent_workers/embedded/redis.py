"""A real Redis-protocol server of our own: valkey from a wheel, or what is on the path."""

import os
import secrets
import signal
import socket
from pathlib import Path
from typing import Final

from typing_extensions import override

from agent_workers.embedded.ports import LOOPBACK
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


class EmbeddedRedis(ServerProcess):
    """A Redis-protocol server that lets nobody in without a password."""

    in_order = at_once = IN_ORDER

    def __init__(
        self, folder: Path, *, port: int | None = None, program: Path | None = None
    ) -> None:
        super().__init__(folder, "redis", port=port)
        self._given_program = program

    @property
    def url(self) -> str:
        return self.url_of(0)

    @property
    def agent_url(self) -> str:
        """For our own processes, which may do what they need and no more."""
        return f"redis://{AGENT}:{self._password(AGENT)}@{LOOPBACK}:{self.port}/0"

    def url_of(self, database: int) -> str:
        """For whoever looks after the server: all is allowed."""
        return f"redis://{OWNER}:{self._password()}@{LOOPBACK}:{self.port}/{database}"

    @property
    @override
    def _program(self) -> str:
        return redis_program(self._given_program).name

    @property
    @override
    def _pid_file(self) -> Path:
        return self.folder / "redis.pid"

    @property
    @override
    def _says(self) -> str:
        return f"-server {self._configuration}"

    @override
    def _prepare(self) -> None:
        """All that it needs is its configuration, which names its port."""

    @override
    def _launch(self) -> Launch:
        self._write_configuration()
        return Launch(
            command=[str(redis_program(self._given_program)), str(self._configuration)],
            is_ready=lambda _: self._answers(),
            patience_s=START_PATIENCE_S,
        )

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


def _quoted(path: Path) -> str:
    return str(path).replace("\\", "\\\\").replace('"', '\\"')


def _write_secret(path: Path, text: str) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(text)
