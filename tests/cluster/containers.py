"""What pytest-celery takes for containers: processes of this machine, with the same few verbs."""

import os
import signal
from collections.abc import Callable
from contextlib import suppress

from agent_workers.embedded.redis import EmbeddedRedis
from tests.support.worker_system import READY_S, Program, until


class WorkerProcess:
    """A worker of the product as a container; `start` makes a new one under the same name."""

    def __init__(self, name: str, start: Callable[[], Program]) -> None:
        self.name = name
        self._start = start
        self.program = start()

    @property
    def id(self) -> str:
        return str(self.program.pid)

    @property
    def status(self) -> str:
        return "running" if self.program.is_alive else "exited"

    @property
    def celeryconfig(self) -> dict[str, object]:
        return {}

    def worker_name(self) -> str:
        return self.name

    def logs(self) -> str:
        return self.program.output()

    def reload(self) -> None:
        self.program.process.poll()

    def ready(self) -> bool:
        until(
            lambda: " ready." in self.logs() or self.status == "exited",
            f"{self.name} is ready",
            READY_S,
        )
        assert self.status == "running", self.logs()
        return True

    def kill(self, signal: str | int = "SIGKILL") -> None:
        os.kill(self.program.pid, number_of(signal))
        self.program.process.wait(20)

    def restart(self, timeout: float = 20) -> None:
        if self.status == "running":
            self.program.process.terminate()
            self.program.process.wait(timeout)
        self.program = self._start()
        self.ready()

    def teardown(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.program.pid, signal.SIGKILL)
        self.program.process.wait()


class RedisProcess:
    """A Redis server as a container; it keeps its port and its data over restarts."""

    name = "redis"

    def __init__(self, server: EmbeddedRedis) -> None:
        self.server = server

    @property
    def id(self) -> str:
        return str(self.server.pid)

    @property
    def status(self) -> str:
        return "running" if self.server.is_running else "exited"

    @property
    def celeryconfig(self) -> dict[str, object]:
        return {"url": self.server.url, "host_url": self.server.url}

    def logs(self) -> str:
        return self.server.log.read_text()

    def reload(self) -> None:
        pass

    def ready(self) -> bool:
        return self.server.start().is_running

    def kill(self, signal: str | int = "SIGKILL") -> None:
        assert self.server.pid is not None
        os.kill(self.server.pid, number_of(signal))
        until(lambda: not self.server.is_running, "Redis is gone")

    def restart(self, timeout: float = 20) -> None:  # noqa: ARG002 (as containers have it)
        self.server.stop()
        self.server.start()

    def teardown(self) -> None:
        """It serves the next test, too."""


def number_of(name: str | int) -> int:
    return signal.Signals[name] if isinstance(name, str) else name
