"""What the tests of MCP share: servers of one process, and tools that were approved as they are."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

from agent_workers.domain.agents.version import EVERYBODY
from agent_workers.domain.effect import EffectClass
from agent_workers.domain.mcp.servers import Definition, McpServer, McpTool, Terms
from agent_workers.domain.outside.http import Http, HttpAnswer, HttpBounds, HttpRequest
from agent_workers.domain.tools.tool import Call
from agent_workers.execution.mcp.offered import Offer
from agent_workers.execution.mcp.opening import Opener
from agent_workers.execution.mcp.servers import Servers

EVIL = Path(__file__).with_name("evil_server.py")
CALL = Call(key="k" * 32, tenant_id="acme", job_id=uuid4(), position=2, attempt=1)
# A loaded machine may need long to start a program; a test that expects an answer gives it this.
PATIENCE = timedelta(seconds=60)


def evil(mood: str = "obeys", port: int = 1, **env: str) -> McpServer:
    return McpServer(
        tenant_id=EVERYBODY,
        name="evil",
        command=(sys.executable, str(EVIL), mood, str(port)),
        env=env,
        reads=(str(EVIL.parent),),
    )


def no_http(request: HttpRequest, bounds: HttpBounds) -> HttpAnswer:
    raise AssertionError(f"{request.url} was called within {bounds.within}")


@dataclass(slots=True)
class World:
    """The servers of one process, and what they were seen to offer meanwhile."""

    http: Http = no_http
    secrets: Mapping[str, str] = field(default_factory=dict)
    seen: list[Sequence[Offer]] = field(default_factory=list)
    servers: Servers = field(init=False)
    _known: dict[tuple[str, ...], dict[str, Definition]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        opener = Opener(secrets=self.secrets, http=self.http)
        self.servers = Servers(
            opener, lambda _, offers: self.seen.append(offers), secrets=self.secrets
        )

    def tool(
        self,
        server: McpServer,
        name: str,
        effect: EffectClass = EffectClass.PURE,
        timeout: timedelta = PATIENCE,
    ) -> McpTool:
        """Return a tool that was approved as it is offered now."""
        way = (server.url, *server.command)
        if way not in self._known:
            offers, wrong = self.servers.discover(server, PATIENCE)
            assert wrong == ""
            self._known[way] = {one.name: one for one, _ in offers}
        seen = self._known[way][name]
        terms = Terms(effect=effect, timeout=timeout)
        return McpTool(server=server, name=name, seen=seen, approved=seen, terms=terms)


def approved_otherwise(tool: McpTool) -> McpTool:
    """The same tool, had it been approved when it said something else."""
    assert tool.approved
    other = replace(tool.approved, description="What an operator read.")
    return replace(tool, seen=other, approved=other)
