"""Checks of MCP servers: what could not be asked, what has changed, and where programs run."""

from collections.abc import Iterator

from agent_workers.cli.mcp.telling import safe
from agent_workers.domain.mcp.servers import ServerState, Standing
from agent_workers.execution.sandbox.confining.confined import Boundary, strongest, why_no_bwrap
from agent_workers.settings import Settings
from agent_workers.state.catalogue.mcp import known_at
from agent_workers.terminal.findings import Finding, ok, warn
from agent_workers.terminal.printing import counted

_REMEDY = "run `agent-workers mcp show {}`, then `mcp refresh`, `mcp approve` or `mcp disable`"
_LOST = {Standing.CHANGED: "has changed", Standing.GONE: "is gone"}


def check_mcp(settings: Settings) -> Iterator[Finding]:
    """Look at what is known of servers; none is asked."""
    tools = [
        tool for tool in known_at(settings.database_url) if tool.server.state is ServerState.ENABLED
    ]
    if not tools:
        return
    servers = {tool.server.place: tool.server for tool in tools}
    for server in servers.values():
        if server.error:
            yield warn(
                f"MCP server {server.name}: {safe(server.error)}", _REMEDY.format(server.name)
            )
    lost = [tool for tool in tools if tool.standing in _LOST]
    for tool in lost:
        yield warn(
            f"MCP tool {tool.full_name} {_LOST[tool.standing]}: jobs cannot call it",
            _REMEDY.format(tool.server.name),
        )
    if any(server.command for server in servers.values()) and strongest() is Boundary.PROCESS:
        yield warn("programs of MCP servers can read what all users can read", why_no_bwrap())
    if not lost:
        yield ok(f"the approved tools of {counted(len(servers), 'MCP server')} are there")
