"""All MCP servers of one process: who may be called, and what came of a call, as a value."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Final

from agent_workers.domain.agents.version import EVERYBODY
from agent_workers.domain.ids import TenantId
from agent_workers.domain.mcp.call import McpRefused, McpReply, McpSaid, McpSilent
from agent_workers.domain.mcp.secrets import hidden
from agent_workers.domain.mcp.servers import WHY, McpServer, McpTool, ServerState, Standing
from agent_workers.domain.tools.tool import Call
from agent_workers.execution.mcp.kept import Kept, begun, until
from agent_workers.execution.mcp.offered import Offer
from agent_workers.execution.mcp.ports import Left, OpenLink
from agent_workers.execution.mcp.session import Session
from agent_workers.execution.mcp.troubles import Changed, Trouble

# Told when a server is found to offer something else than it did.
OnSeen = Callable[[McpServer, list[Offer]], None]
Place = tuple[TenantId, str]
# Who watches over the step gives up a little later than we do.
_OURS: Final = 0.9
_IDLE_S: Final = 600.0


class Servers:
    """What `McpCalls` is in a worker."""

    def __init__(self, open_link: OpenLink, on_seen: OnSeen, *, secrets: Mapping[str, str]) -> None:
        self._open_link = open_link
        self._on_seen = on_seen
        self._secrets = secrets
        self._lock = threading.Lock()
        self._kept: dict[Place, Kept] = {}
        self._known: dict[tuple[Place, str], McpTool] = {}

    def renew(self, tools: Iterable[McpTool]) -> None:
        """Go by these tools from now on; servers that are reached otherwise now are closed."""
        known = {(tool.server.place, tool.name): tool for tool in tools}
        reached = {tool.server.place: _way(tool.server) for tool in known.values()}
        with self._lock:
            self._known = known
            gone = [p for p, kept in self._kept.items() if reached.get(p) != _way(kept.server)]
            closing = [self._kept.pop(place) for place in gone]
        for kept in closing:
            kept.close()

    def close_idle(self) -> None:
        since = time.monotonic() - _IDLE_S
        with self._lock:
            idle = [place for place, kept in self._kept.items() if kept.is_idle(since)]
            closing = [self._kept.pop(place) for place in idle]
        for kept in closing:
            kept.close()

    def close(self) -> None:
        with self._lock:
            closing, self._kept = list(self._kept.values()), {}
        for kept in closing:
            kept.close()

    def discover(self, server: McpServer, within: timedelta) -> tuple[list[Offer], str]:
        """Ask a server what it offers, in a session of its own; raises `Trouble`."""
        session = begun(server, self._open_link, until(within))
        try:
            wrong = "; ".join(session.wrong)
            return session.offers(), self.hidden(wrong)
        finally:
            session.close()

    def hidden(self, text: str) -> str:
        """Take this worker's secrets out of what a server, or an error, says."""
        return hidden(text, self._secrets)

    def call(self, tool: McpTool, arguments: Mapping[str, object], call: Call) -> McpReply:
        """Call a tool of a server; whatever it does, this returns in the tool's time."""
        refusal = self._refusal(tool, call)
        if refusal is not None:
            return refusal
        left = until(tool.terms.timeout * _OURS)
        is_sent = False
        try:
            with self._found(tool.server).use(left) as session:
                self._hold_against(tool, session, left)
                is_sent = True
                said = session.call(tool.name, arguments, call.key, left)
                return McpSaid(value=said.value, is_error=said.is_error)
        except Changed as changed:
            return _refused(tool, Standing(str(changed)))
        except Trouble as trouble:
            return self._unanswered(tool, trouble, was_sent=is_sent and trouble.was_sent)

    def _refusal(self, tool: McpTool, call: Call) -> McpRefused | None:
        if tool.server.tenant_id not in {EVERYBODY, call.tenant_id}:
            return _refused(tool, Standing.REMOVED)
        with self._lock:
            current = self._known.get((tool.server.place, tool.name), tool)
        if current.standing is not Standing.APPROVED:
            return _refused(tool, current.standing)
        if tool.approved is None or current.approved != tool.approved:
            message = f"{tool.full_name} was approved again meanwhile; the call is repeated with its new definition"
            return McpRefused(code="mcp_changed", message=message, retryable=True)
        return None

    def _hold_against(self, tool: McpTool, session: Session, left: Left) -> None:
        definition = session.definition(tool.name, left)
        if definition is None or definition != tool.approved:
            self._on_seen(tool.server, session.offers())
            raise Changed(Standing.GONE if definition is None else Standing.CHANGED)

    def _found(self, server: McpServer) -> Kept:
        with self._lock:
            kept = self._kept.get(server.place)
            if kept is not None and _way(kept.server) == _way(server):
                return kept
            found = self._kept[server.place] = Kept(server, self._open_link)
        if kept is not None:
            kept.close()
        return found

    def _unanswered(self, tool: McpTool, trouble: Trouble, *, was_sent: bool) -> McpReply:
        message = self.hidden(f"{tool.server.name}: {trouble}")
        if was_sent:
            return McpSilent(code=trouble.code, message=message, retryable=trouble.retryable)
        return McpRefused(code=trouble.code, message=message, retryable=trouble.retryable)


def _refused(tool: McpTool, standing: Standing) -> McpRefused:
    return McpRefused(code=f"mcp_{standing.value}", message=f"{tool.full_name} {WHY[standing]}")


def _way(server: McpServer) -> object:
    """What makes a server another one for us: how it is reached, and whether it may be."""
    if server.state is not ServerState.ENABLED:
        return None
    reads, env, headers = server.reads, dict(server.env), dict(server.headers)
    return (server.command, server.url, server.network, reads, env, headers)
