"""GET /v1/agents: which agents a caller may submit jobs for."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from agent_workers.state.agents import Agents
from api.queries import checked_query
from api.replies import NO_STORE, JsonReply, caller_of
from api.shapes import list_bytes
from api.shapes_parts import agent_text
from api.threads import Threads


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentList:
    agents: Agents
    threads: Threads

    async def show_all(self, request: Request) -> Response:
        checked_query(request, ())
        found = await self.threads.run(self.agents.all, caller_of(request).tenant_id)
        texts = [agent_text(agent) for agent in found]
        return JsonReply(list_bytes(texts, next_cursor=None), headers=[NO_STORE])
