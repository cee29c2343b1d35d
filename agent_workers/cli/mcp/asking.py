"""Asks an MCP server for its tools from the command line, as a worker here would."""

import ssl

from agent_workers.domain.mcp.servers import McpServer
from agent_workers.domain.outside.reach import Reach, networks_of
from agent_workers.execution.mcp.looking import look_at
from agent_workers.execution.mcp.opening import Opener
from agent_workers.execution.mcp.servers import Servers
from agent_workers.execution.outside.calling import Caller
from agent_workers.execution.outside.proxies import proxy_of
from agent_workers.local.agents.models import hidden_places
from agent_workers.settings import Settings, mcp_secrets
from agent_workers.state.catalogue.mcp import McpRows


def ask(settings: Settings, rows: McpRows, server: McpServer) -> str:
    """Write down what it offers; returns what was wrong with it, if anything."""
    http = Caller(
        reach=Reach(hosts=settings.http_hosts, private=networks_of(settings.http_private)),
        context=ssl.create_default_context(),
        proxy=proxy_of(settings.egress_proxy),
    )
    secrets = mcp_secrets()
    opener = Opener(secrets=secrets, http=http, hides=hidden_places(settings))
    servers = Servers(opener, lambda *_: None, secrets=secrets)
    return look_at(server, servers, rows)
