"""A real RabbitMQ node of our own, where the machine has one installed; it leaves nothing behind."""

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from agent_workers.embedded.ports import LOOPBACK, free_port

# Debian's program on the path insists on a system account; the one behind it does not.
PROGRAMS = (Path("/usr/lib/rabbitmq/bin/rabbitmq-server"), shutil.which("rabbitmq-server"))
PATIENCE_S = 60.0


def rabbitmq_program() -> Path:
    for program in PROGRAMS:
        if program is not None and Path(program).exists():
            return Path(program)
    pytest.skip("no RabbitMQ on this machine")


class RabbitMQ:
    def __init__(self, folder: Path) -> None:
        self._program = rabbitmq_program()
        self._folder = folder
        self._port, self._distribution, self._names = free_port(), free_port(), free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@{LOOPBACK}:{self._port}//"

    def start(self) -> None:
        self._folder.mkdir(exist_ok=True)
        (self._folder / "plugins").write_text("[].")
        with (self._folder / "node.log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._program],
                env=self._environment(),
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + PATIENCE_S
        while not self._answers():
            assert time.monotonic() < deadline, (self._folder / "node.log").read_text()[-2000:]
            time.sleep(0.1)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()
        self._end_name_server()

    def _end(self, blow: signal.Signals) -> None:
        if self._process is None:
            return
        os.killpg(self._process.pid, blow)
        self._process.wait(PATIENCE_S)
        self._process = None

    def _end_name_server(self) -> None:
        """Erlang leaves it running, ours alone by its port; it refuses to go before the node is gone."""
        program = shutil.which("epmd")
        deadline = time.monotonic() + PATIENCE_S
        while program is not None and time.monotonic() < deadline:
            answer = subprocess.run(
                [program, "-port", str(self._names), "-kill"], check=False, capture_output=True
            )
            if b"living nodes" not in answer.stdout + answer.stderr:
                return
            time.sleep(0.1)

    def _answers(self) -> bool:
        try:
            with socket.create_connection((LOOPBACK, self._port), 1.0) as wire:
                wire.settimeout(5.0)
                wire.sendall(b"AMQP\x00\x00\x09\x01")
                return bool(wire.recv(1))
        except OSError:
            return False

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": os.defpath,
            "HOME": str(self._folder),
            "ERL_EPMD_PORT": str(self._names),
            "RABBITMQ_CONF_ENV_FILE": str(self._folder / "none"),
            "RABBITMQ_CONFIG_FILE": str(self._folder / "none"),
            "RABBITMQ_DIST_PORT": str(self._distribution),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self._folder / "plugins"),
            "RABBITMQ_LOG_BASE": str(self._folder / "log"),
            "RABBITMQ_MNESIA_BASE": str(self._folder / "mnesia"),
            "RABBITMQ_NODENAME": f"test{self._port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": LOOPBACK,
            "RABBITMQ_NODE_PORT": str(self._port),
        }
