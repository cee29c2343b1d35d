"""Starts worker processes under trial by fork, within milliseconds: `python -m agent_workers.proving.process.main`."""

import argparse
import gc
import os
import select
import signal
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from redis import Redis

from agent_workers.domain.errors import Misdeclared
from agent_workers.domain.tools.tool import Tool
from agent_workers.execution.agents.modules import imported
from agent_workers.execution.agents.registry import Registry, load, loaded
from agent_workers.proving.process.orders import (
    Lines,
    Order,
    Said,
    Signal,
    Start,
    read_order,
    write,
)
from agent_workers.proving.process.worker import work
from agent_workers.settings import Settings
from agent_workers.state.database.engine import Database
from agent_workers.testing.trying import Trying, read_tryings

_LOOK_S = 0.005
_CHUNK = 1 << 16


@dataclass(slots=True)
class ForkServer:
    """Has imported everything, holds nothing open, and forks a worker for each order."""

    registry: Registry
    pipe: int
    pids: dict[int, str] = field(default_factory=dict)

    def serve(self) -> None:
        """Follow orders until their writer goes away; then end every worker."""
        lines = Lines()
        self._say(Said(worker="", event="ready"))
        try:
            while True:
                readable, _, _ = select.select([0], [], [], _LOOK_S if self.pids else 1.0)
                if readable:
                    chunk = os.read(0, _CHUNK)
                    if not chunk:
                        return
                    for line in lines.feed(chunk):
                        self._follow(read_order(line))
                self._look()
        finally:
            for pid in self.pids:
                os.kill(pid, signal.SIGKILL)

    def _follow(self, order: Order) -> None:
        match order:
            case Start():
                self._fork(order)
            case Signal():
                for pid, worker in self.pids.items():
                    if worker == order.worker:
                        os.kill(pid, order.number)

    def _fork(self, order: Start) -> None:
        owner = os.getpid()
        pid = os.fork()
        if pid:
            self.pids[pid] = order.worker
            self._say(Said(worker=order.worker, event="started", number=pid))
            return
        status = 1
        try:
            status = work(order, self.registry, pipe=self.pipe, owner=owner)
        except BaseException:  # noqa: BLE001  # whatever it is must be told before the end
            error = traceback.format_exc()[-1500:]
            self._say(Said(worker=order.worker, event="failed", error=error))
        finally:
            os._exit(status)

    def _look(self) -> None:
        """Tell of workers that ended or froze."""
        while self.pids:
            pid, status = os.waitpid(-1, os.WNOHANG | os.WUNTRACED)
            if pid == 0:
                return
            worker = self.pids.get(pid)
            if worker is None:
                continue
            if os.WIFSTOPPED(status):
                self._say(Said(worker=worker, event="stopped"))
                continue
            del self.pids[pid]
            code = os.waitstatus_to_exitcode(status)
            self._say(Said(worker=worker, event="ended", number=code))

    def _say(self, said: Said) -> None:
        os.write(self.pipe, write(said))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tools", default="", help="modules, as in AGENT_TOOLS")
    parser.add_argument("--trying", default="[]", help="tools under trial, as JSON")
    given = parser.parse_args(arguments)
    registry = load([name for name in given.tools.split(",") if name])
    registry = with_tried(registry, read_tryings(given.trying))
    pipe = os.dup(1)
    # Whatever a tool prints must not be taken for a message.
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    _warm_up()
    gc.freeze()
    ForkServer(registry=registry, pipe=pipe).serve()
    return 0


def _warm_up() -> None:
    """Load what libraries load on first use, once for all children; nothing is opened."""
    Database("postgresql://127.0.0.1/none", pool_size=1).close()
    Redis.from_url("redis://127.0.0.1").close()
    Settings()


def with_tried(registry: Registry, tryings: Sequence[Trying]) -> Registry:
    """Add an agent for each."""
    agents = [loaded(one.agent_of(tool_at(one.place))) for one in tryings]
    return replace(registry, agents=(*registry.agents, *agents))


def tool_at(place: str) -> Tool:
    """Import `module:name`."""
    module, _, name = place.partition(":")
    found = getattr(imported(module, named_by="crash_points"), name, None)
    if not isinstance(found, Tool):
        raise Misdeclared(f"{place!r} is not a tool: name it as `module:name`")
    return found


if __name__ == "__main__":
    sys.exit(main())
