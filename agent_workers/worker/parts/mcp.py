"""MCP in a worker process: its servers, what it knows of their tools, and who asks servers anew."""

import threading
from collections.abc import Callable, Mapping, Sequence

import structlog

from agent_workers.domain.agents.version import EVERYBODY
from agent_workers.domain.errors import AgentWorkersError, Misdeclared
from agent_workers.domain.ids import TenantId
from agent_workers.domain.mcp.servers import McpServer, McpTool
from agent_workers.domain.step import Lane
from agent_workers.domain.tools.tool import Tool
from agent_workers.execution.agents.registry import LoadedTool, Registry, read_tool
from agent_workers.execution.agents.roster import Roster
from agent_workers.execution.mcp.looking import look_at
from agent_workers.execution.mcp.offered import Offer
from agent_workers.execution.mcp.opening import Opener
from agent_workers.execution.mcp.servers import Servers
from agent_workers.execution.mcp.tools import tools_for
from agent_workers.state.catalogue.mcp import McpRows
from agent_workers.state.database.engine import Database

log = structlog.get_logger(__name__)

# Makes the registry with these tools in it: agents that are code name them, too.
Reload = Callable[[Sequence[Tool]], Registry]


class McpTools:
    """Learns what an operator said anew of servers or tools, as the keeper sees it."""

    def __init__(
        self, rows: McpRows, servers: Servers, roster: Roster, reload: Reload, *, asks: bool
    ) -> None:
        self._rows = rows
        self.servers = servers
        self._roster = roster
        self._reload = reload
        self._asks = asks
        self._seen: tuple[int, int] = (0, 0)
        self._asking: threading.Thread | None = None
        self._learning = threading.Lock()

    def keep(self, seen: tuple[int, int], *, is_due: bool) -> None:
        """Learn what is new; ask a server that is due, on a thread of its own."""
        self._learn_of(seen)
        if is_due and self._asks and (self._asking is None or not self._asking.is_alive()):
            self._ask_next()
        self.servers.close_idle()

    def learn(self) -> bool:
        """Look at once; say whether there was anything new."""
        return self._learn_of(self._rows.changes()[0])

    def _learn_of(self, seen: tuple[int, int]) -> bool:
        with self._learning:
            is_new = seen != self._seen
            if is_new:
                self._learn()
                self._seen = seen
        return is_new

    def _ask_next(self) -> None:
        server = self._rows.take_due()
        if server is None:
            return
        self._asking = threading.Thread(
            target=_looked_at,
            args=(server, self.servers, self._rows),
            name="mcp-asking",
            daemon=True,
        )
        self._asking.start()

    def _learn(self) -> None:
        known = self._rows.all_tools()
        self.servers.renew(known)
        try:
            registry = self._reload(tools_for(EVERYBODY, known))
        except Misdeclared as error:
            log.warning("mcp_tools_not_taken", error=str(error))
            return
        self._roster.renew(registry, _ToolsOf(known))
        log.info("mcp_tools_known", tools=len(known))


class _ToolsOf:
    """The tools of each tenant, read when it is met first."""

    def __init__(self, known: Sequence[McpTool]) -> None:
        self._known = known
        self._met: dict[TenantId, Mapping[str, LoadedTool]] = {}

    def __call__(self, tenant_id: TenantId) -> Mapping[str, LoadedTool]:
        found = self._met.get(tenant_id)
        if found is None:
            tools = tools_for(tenant_id, self._known)
            found = self._met[tenant_id] = {tool.name: read_tool(tool) for tool in tools}
        return found


def mcp_tools(
    database: Database,
    opener: Opener,
    roster: Roster,
    reload: Reload,
    *,
    lanes: Sequence[Lane],
) -> McpTools:
    """Learn what is known now, before the first step; no server is started before a call of it."""
    rows = McpRows(database)

    def on_seen(server: McpServer, offered: list[Offer]) -> None:
        log.warning("mcp_tools_changed", server=server.name)
        try:
            rows.saw(server, offered)
        except AgentWorkersError as error:
            # The call is refused all the same; the next one says it again.
            log.warning("mcp_tools_not_written", server=server.name, error=str(error))

    servers = Servers(opener, on_seen, secrets=opener.secrets)
    asks = bool({Lane.TOOL, Lane.EFFECT} & set(lanes))
    tools = McpTools(rows, servers, roster, reload, asks=asks)
    roster.learns_by(tools.learn)
    tools.learn()
    return tools


def _looked_at(server: McpServer, servers: Servers, rows: McpRows) -> None:
    try:
        wrong = look_at(server, servers, rows)
        log.info("mcp_server_asked", server=server.name, wrong=wrong)
    except AgentWorkersError as error:
        log.warning("mcp_server_not_asked", server=server.name, error=str(error))
