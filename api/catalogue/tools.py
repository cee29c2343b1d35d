"""GET /v1/tools: which tools the workers of this installation have."""

from dataclasses import dataclass
from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from agent_workers.state.catalogue.tools import Tools, ToolSeen
from api.http.json_text import instant, text
from api.http.listing import listed
from api.http.queries import checked_query, names_asked
from api.http.replies import NO_STORE, JsonReply
from api.problems import Problem
from api.process.threads import Threads


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolList:
    """Tools are everybody's: agents name them, and agents are shown with their schemas too."""

    tools: Tools
    threads: Threads

    async def show_all(self, request: Request) -> Response:
        """Tools in the order of their names, behind `after`."""
        named = names_asked(request)
        read = partial(self.tools.page, limit=named.limit, after=named.after)
        return await listed(self.threads, read, text=_text, cursor=lambda one: one.name)

    async def show(self, request: Request) -> Response:
        checked_query(request, ())
        name: str = request.path_params["name"]
        found = None if "\0" in name else await self.threads.run(self.tools.one, name)
        if found is None:
            raise Problem(
                code="tool_not_found", detail="No worker has registered a tool of this name."
            )
        return JsonReply(_text(found).encode("utf-8"), headers=[NO_STORE])


def _text(tool: ToolSeen) -> str:
    """Write a tool; its definition is JSON already."""
    head = (
        f'{{"object":"tool","name":{text(tool.name)},"registered_at":{instant(tool.registered_at)}'
    )
    return f'{head},"seen_at":{instant(tool.seen_at)},{tool.definition[1:]}'
