"""Opens the way to a server: a program inside the strongest boundary, or a URL behind the guard."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agent_workers.domain.errors import Misdeclared
from agent_workers.domain.mcp.secrets import filled
from agent_workers.domain.mcp.servers import McpServer
from agent_workers.domain.outside.http import Http
from agent_workers.execution.mcp.http import Address
from agent_workers.execution.mcp.ports import Left, Link, OnTold
from agent_workers.execution.mcp.stdio import Program
from agent_workers.execution.mcp.troubles import Unreachable
from agent_workers.execution.sandbox.confining.confined import confine
from agent_workers.execution.sandbox.ports import LONG_LIVED, Allowed, NoBoundary


@dataclass(frozen=True, slots=True, kw_only=True)
class Opener:
    """Knows the secrets of this worker and its way out; servers get only what they refer to."""

    secrets: Mapping[str, str]
    http: Http
    # What no program of a server can read, wherever it lies.
    hides: Sequence[Path] = ()

    def __call__(self, server: McpServer, on_told: OnTold, left: Left) -> Link:
        try:
            if server.url:
                headers = filled(server.headers, self.secrets)
                return Address(self.http, server.url, headers, on_told)
            confined = confine(
                server.command,
                environment=filled(server.env, self.secrets),
                allowed=Allowed(
                    reads=[Path(place) for place in server.reads],
                    hides=self.hides,
                    network=server.network,
                ),
            )
        except (NoBoundary, Misdeclared) as error:
            raise Unreachable(str(error)) from None
        return Program(confined.argv, confined.environment, on_told, left, memory=LONG_LIVED.memory)
