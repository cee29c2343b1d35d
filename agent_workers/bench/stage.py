"""What is measured: servers, API and workers as real processes, on a folder of their own."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import LiteralString

from agent_workers.domain.ids import TenantId
from agent_workers.embedded.ports import free_port
from agent_workers.embedded.postgres import EmbeddedPostgres
from agent_workers.embedded.redis import EmbeddedRedis
from agent_workers.local.migrations import upgrade
from agent_workers.proving.attacks.connection import Connection
from agent_workers.state.access.keys import Keys
from agent_workers.state.database.engine import Database

TENANT = TenantId("bench")
_PEPPER = "only for measurements"
_READY_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Topology:
    """A set of workers, each a list of arguments to `agent-workers worker`."""

    name: str
    workers: Sequence[Sequence[str]]


ONE_WORKER = Topology(
    name="one worker for all lanes",
    workers=(("--lanes", "plan,tool,effect,evaluate", "--pool", "prefork", "--concurrency", "2"),),
)
SPLIT = Topology(
    name="split lanes, a Celery task for every step",
    workers=(
        ("--lanes", "plan,evaluate", "--pool", "threads", "--concurrency", "8"),
        ("--lanes", "tool", "--pool", "threads", "--concurrency", "8"),
    ),
)


@dataclass(slots=True, kw_only=True)
class Stage:
    """A running system to be measured."""

    postgres: EmbeddedPostgres
    redis: EmbeddedRedis
    database: Database
    folder: Path
    port: int
    token: str
    environment: dict[str, str]
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str, *command: str) -> subprocess.Popen[bytes]:
        """Start a process of ours; its output goes to a file of its name."""
        log = (self.folder / f"{name}.log").open("ab")
        process = subprocess.Popen(
            [sys.executable, "-m", *command],
            env=self.environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        log.close()
        self.processes[name] = process
        return process

    def start_worker(self, name: str, arguments: Sequence[str]) -> subprocess.Popen[bytes]:
        """Start a worker and wait until its processes have made themselves known."""
        began = self._ask("select clock_timestamp()")
        process = self.start(name, "agent_workers.worker.programs.main", *arguments)
        wait_for(
            lambda: self._ask("select count(*) from workers where locked_at > %s", began) != 0,
            f"worker {name} ({self.folder / name}.log)",
        )
        return process

    def _ask(self, sql: LiteralString, *values: object) -> object:
        with self.database.connection() as connection:
            row = connection.execute(sql, values).fetchone()
        return None if row is None else row[0]

    def restart_api(self) -> None:
        """Start the API again after it was killed."""
        self.start("api", "api.main")
        wait_for(lambda: _answers(self.port), f"API ({self.folder / 'api.log'})")

    def stop(self, name: str) -> None:
        process = self.processes.pop(name)
        for number, patience in ((signal.SIGTERM, 15), (signal.SIGKILL, 5)):
            if process.poll() is None:
                os.killpg(process.pid, number)
                try:
                    process.wait(patience)
                except subprocess.TimeoutExpired:
                    continue

    def kill_all(self) -> None:
        """End every process at once, whatever it waits for."""
        while self.processes:
            _, process = self.processes.popitem()
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def stop_all(self) -> None:
        for name in list(self.processes):
            self.stop(name)

    @contextmanager
    def workers(self, topology: Topology) -> Iterator[None]:
        """Run a set of workers for a while."""
        names = [f"worker{number}" for number in range(1, len(topology.workers) + 1)]
        try:
            for name, arguments in zip(names, topology.workers, strict=True):
                self.start_worker(name, arguments)
            yield
        finally:
            for name in names:
                if name in self.processes:
                    self.stop(name)

    def roots(self) -> dict[str, int]:
        """The processes whose CPU time is told apart; ourselves are the client."""
        servers = {"postgres": self.postgres.pid, "redis": self.redis.pid}
        ours = {name: process.pid for name, process in self.processes.items()}
        return {name: pid for name, pid in {**servers, **ours}.items() if pid is not None}

    def connect(self) -> Connection:
        return Connection(port=self.port, token=self.token)

    def connect_as(self, tenant: TenantId) -> Connection:
        """Connect with a new key of another tenant."""
        return self.connecting_as(tenant)()

    def connecting_as(self, tenant: TenantId) -> Callable[[], Connection]:
        """Return what connects with a new key of another tenant, the same each time."""
        new_key = Keys(self.database, pepper=_PEPPER).create(tenant, name="bench")
        return lambda: Connection(port=self.port, token=new_key.token)


@contextmanager
def stage() -> Iterator[Stage]:
    """Start everything but workers; stop and delete all of it at the end."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="agent-bench-")))
        folder.chmod(0o711)
        postgres = EmbeddedPostgres(folder / "postgres", shelter=folder / "shelter")
        stack.enter_context(postgres)
        redis = stack.enter_context(EmbeddedRedis(folder / "redis"))
        url = postgres.create_database("bench")
        upgrade(url)
        database = Database(url, pool_size=4, name="bench")
        stack.callback(database.close)
        port = free_port()
        new_key = Keys(database, pepper=_PEPPER).create(TENANT, name="bench")
        built = Stage(
            postgres=postgres,
            redis=redis,
            database=database,
            folder=folder,
            port=port,
            token=new_key.token,
            environment={
                **os.environ,
                "AGENT_DATABASE_URL": url,
                "AGENT_BROKER_URL": redis.url,
                "AGENT_SECRET_PEPPER": _PEPPER,
                "AGENT_API_PORT": str(port),
                "AGENT_TOOLS": "agent_workers.bench.agents,agent_workers.proving.outside.hostile",
                "AGENT_LOG_LEVEL": "WARNING",
            },
        )
        stack.callback(built.stop_all)
        built.start("api", "api.main")
        wait_for(lambda: _answers(port), f"API ({folder / 'api.log'})")
        yield built


def wait_for(holds: Callable[[], object], what: str, *, patience_s: float = _READY_S) -> None:
    """Wait until a condition holds, or say what did not come."""
    end = time.monotonic() + patience_s
    while not holds():
        if time.monotonic() > end:
            raise TimeoutError(f"{what} was not ready within {patience_s:.0f} s")
        time.sleep(0.02)


def _answers(port: int) -> bool:
    try:
        Connection(port=port, token="").close()
    except OSError:
        return False
    return True
