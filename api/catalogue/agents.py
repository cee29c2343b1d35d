"""GET /v1/agents: which agents a caller may submit jobs for, and the versions of each."""

from dataclasses import dataclass
from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from agent_workers.state.catalogue.agent_versions import AgentVersions
from agent_workers.state.catalogue.agents import Agents
from api.catalogue.text import (
    AgentList,
    AgentVersionReply,
    AgentWithVersionsReply,
    agent_text,
    agent_version_text,
)
from api.http.listing import listed
from api.http.queries import NamesQuery, no_query, query_of
from api.http.replies import NO_STORE, JsonReply, caller_of
from api.http.route import Room, Route
from api.problems import Problem
from api.process.threads import Threads

_AT = Room("/v1/agents", reads="agents:read")


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentRoutes:
    agents: Agents
    versions: AgentVersions
    threads: Threads

    @Route(_AT, "GET", "listAgents", {200: AgentList}, query=NamesQuery)
    async def show_all(self, request: Request) -> Response:
        """Agents in the order of their names, behind `after`."""
        tenant_id = caller_of(request).tenant_id
        named = query_of(request, NamesQuery)
        read = partial(self.agents.page, tenant_id, limit=named.limit, after=named.after)
        return await listed(self.threads, read, text=agent_text, cursor=lambda one: one.name)

    @Route(_AT, "GET /{name}", "getAgent", {200: AgentWithVersionsReply})
    async def show(self, request: Request) -> Response:
        """What is current of an agent, and which versions of it there are, the latest first."""
        no_query(request)
        place = (caller_of(request).tenant_id, _name(request, "name"))
        agent = await self.threads.run(self.agents.one, *place)
        if agent is None:
            raise Problem(code="agent_not_found", detail="There is no such agent.")
        versions = await self.threads.run(self.versions.all, *place)
        return JsonReply(agent_text(agent, versions).encode("utf-8"), headers=[NO_STORE])

    @Route(_AT, "GET /{name}/versions/{version}", "getAgentVersion", {200: AgentVersionReply})
    async def show_version(self, request: Request) -> Response:
        """One version of an agent, current or not."""
        no_query(request)
        place = (_name(request, "name"), _name(request, "version"))
        version = await self.threads.run(self.versions.fetch, caller_of(request).tenant_id, *place)
        if version is None:
            raise Problem(code="agent_not_found", detail="There is no such version of this agent.")
        return JsonReply(agent_version_text(version).encode("utf-8"), headers=[NO_STORE])


def _name(request: Request, part: str) -> str:
    given: str = request.path_params[part]
    if "\0" in given:
        raise Problem(code="agent_not_found", detail="There is no such agent.")
    return given
