"""/v1/mcp_servers: the MCP servers of a tenant, and what became of their tools.

Nothing is started or called here: workers do that. Only operators add programs, name secrets and
approve tools (`agent-workers mcp`), because those run on their machines.
"""

from dataclasses import dataclass
from functools import partial
from typing import Annotated, Literal

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response
from typing_extensions import TypedDict

from agent_workers.domain.agents.version import EVERYBODY
from agent_workers.domain.effect import EffectClass
from agent_workers.domain.ids import TenantId
from agent_workers.domain.mcp.servers import McpServer, McpTool, ServerState, Standing
from agent_workers.domain.outside.reach import LONGEST_URL, Reach, Uncallable, target_of
from agent_workers.state.catalogue.mcp import McpRows
from agent_workers.state.catalogue.mcp_servers import McpServers, Place
from api.http.asked import validated
from api.http.forms import MCP_SERVER_FORM
from api.http.json_text import dumped, rfc3339
from api.http.listing import listed
from api.http.queries import NamesQuery, no_query, query_of
from api.http.reading import read_json
from api.http.replies import NO_STORE, EmptyReply, JsonReply, caller_of
from api.http.route import Reply, Room, Route
from api.http.shapes import Body, Instant, page_of
from api.problems import Problem, invalid
from api.process.threads import Threads

_AT = Room("/v1/mcp_servers", reads="mcp_servers:read", writes="mcp_servers:write")


class NewMcpServer(Body):
    name: Annotated[str, Field(pattern=MCP_SERVER_FORM)]
    url: Annotated[
        str,
        Field(
            min_length=1,
            max_length=LONGEST_URL,
            json_schema_extra={"pattern": "^https?://[!-~]+$"},
        ),
    ]


class McpServerReply(TypedDict):
    """An MCP server; how one that is everybody's is reached is not shown."""

    object: Literal["mcp_server"]
    name: str
    shared: bool
    url: str | None
    state: ServerState
    error: str | None
    refreshed_at: Instant | None


class McpToolReply(TypedDict):
    """A tool of an MCP server; only one that is approved can be called."""

    name: str
    standing: Standing
    effect: EffectClass
    hash: str | None
    approved_hash: str | None
    description: str | None


class McpServerWithToolsReply(McpServerReply):
    tools: list[McpToolReply]


McpServerList = page_of("McpServerList", McpServerReply)
_ASKED = Reply(
    model=McpServerReply, description="Accepted: a worker will ask the server for its tools"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class McpServerRoutes:
    rows: McpRows
    servers: McpServers
    reach: Reach
    threads: Threads

    @Route(_AT, "GET", "listMcpServers", {200: McpServerList}, query=NamesQuery)
    async def show_all(self, request: Request) -> Response:
        """The caller's servers, and those that are everybody's."""
        tenant_id, named = caller_of(request).tenant_id, query_of(request, NamesQuery)
        behind = None if named.after is None else _place(named.after, tenant_id)
        read = partial(self.servers.page, tenant_id, limit=named.limit, behind=behind)
        return await listed(self.threads, read, text=_text, cursor=_cursor)

    @Route(_AT, "GET /{name}", "getMcpServer", {200: McpServerWithToolsReply})
    async def show(self, request: Request) -> Response:
        """One server with its tools; only those that are approved can be called."""
        server = await self._found(request)
        tools = await self.threads.run(self.rows.tools, server)
        body: McpServerWithToolsReply = {
            **_shown(server),
            "tools": [_tool_shown(tool) for tool in tools],
        }
        return JsonReply(dumped(body), headers=[NO_STORE])

    @Route(
        _AT,
        "POST",
        "addMcpServer",
        {201: McpServerReply},
        ("mcp_server_exists",),
        body=NewMcpServer,
    )
    async def add(self, request: Request) -> Response:
        """Add a server behind a URL; a worker asks it for its tools."""
        no_query(request)
        asked = validated(NewMcpServer, await read_json(request))
        try:
            target_of(asked.url, self.reach)
        except Uncallable as error:
            raise invalid(f"The URL {error}.", pointer="/url") from None
        tenant_id = caller_of(request).tenant_id
        known = await self.threads.run(self.rows.servers, tenant_id)
        server = McpServer(tenant_id=tenant_id, name=asked.name, url=asked.url, created_by="api")
        # Two of one name would leave open which one an agent means.
        is_taken = any(one.name == asked.name for one in known)
        if is_taken or not await self.threads.run(self.rows.add, server):
            raise Problem(
                code="mcp_server_exists", detail="Choose another name, or delete that server first."
            )
        return JsonReply(dumped(_shown(server)), status=201, headers=[NO_STORE])

    @Route(_AT, "DELETE /{name}", "removeMcpServer", {204: "Removed"})
    async def remove(self, request: Request) -> Response:
        """Forget a server; jobs that name its tools are told so."""
        server = await self._own(request)
        await self.threads.run(self.rows.set_state, *server.place, ServerState.REMOVED)
        return EmptyReply(204, headers=[NO_STORE])

    @Route(_AT, "POST /{name}/refresh", "refreshMcpServer", {202: _ASKED}, ("illegal_move",))
    async def refresh(self, request: Request) -> Response:
        """Let a worker ask a server for its tools anew."""
        server = await self._own(request)
        if not await self.threads.run(self.rows.mark_due, *server.place):
            raise Problem(code="illegal_move", detail="The server is disabled.")
        return JsonReply(dumped(_shown(server)), status=202, headers=[NO_STORE])

    async def _own(self, request: Request) -> McpServer:
        server = await self._found(request)
        if server.tenant_id != caller_of(request).tenant_id:
            raise Problem(
                code="mcp_server_not_found", detail="This tenant has no such server of its own."
            )
        return server

    async def _found(self, request: Request) -> McpServer:
        no_query(request)
        name: str = request.path_params["name"]
        found = await self.threads.run(self.rows.servers, caller_of(request).tenant_id)
        named = [one for one in found if one.name == name]
        if not named:
            raise Problem(code="mcp_server_not_found", detail="There is no such server.")
        return min(named, key=lambda one: one.tenant_id == EVERYBODY)


def _text(server: McpServer) -> str:
    return dumped(_shown(server)).decode("ascii")


def _cursor(server: McpServer) -> str:
    """Everybody's server of a name is not a tenant's own of that name."""
    return server.name + (EVERYBODY if server.tenant_id == EVERYBODY else "")


def _place(cursor: str, tenant_id: TenantId) -> Place:
    name = cursor.removesuffix(EVERYBODY)
    return (tenant_id if name == cursor else EVERYBODY), name


def _shown(server: McpServer) -> McpServerReply:
    """What a tenant may see; of everybody's servers not how they are reached."""
    is_shared = server.tenant_id == EVERYBODY
    asked_at = server.refreshed_at
    return {
        "object": "mcp_server",
        "name": server.name,
        "shared": is_shared,
        "url": None if is_shared else server.url or None,
        "state": server.state,
        "error": None if is_shared else server.error or None,
        "refreshed_at": None if asked_at is None else rfc3339(asked_at),
    }


def _tool_shown(tool: McpTool) -> McpToolReply:
    seen = tool.seen or tool.approved
    return {
        "name": tool.full_name,
        "standing": tool.standing,
        "effect": tool.terms.effect,
        "hash": None if seen is None else seen.hash,
        "approved_hash": None if tool.approved is None else tool.approved.hash,
        "description": None if seen is None else seen.description,
    }
