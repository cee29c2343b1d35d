"""GET /v1/tools: which tools the workers of this installation have."""

from dataclasses import dataclass
from functools import partial
from typing import Annotated, Literal

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response
from typing_extensions import TypedDict

from agent_workers.domain.effect import EffectClass, OnDoubt
from agent_workers.state.catalogue.tools import Tools, ToolSeen
from api.http.json_text import instant, text
from api.http.listing import listed
from api.http.queries import NamesQuery, no_query, query_of
from api.http.replies import NO_STORE, JsonReply
from api.http.route import Room, Route
from api.http.shapes import Anything, Instant, page_of
from api.problems import Problem
from api.process.threads import Threads

_AT = Room("/v1/tools", reads="tools:read")

_Seconds = Annotated[float, Field(ge=0)]


class ToolReply(TypedDict):
    """A tool as its workers declare it."""

    object: Literal["tool"]
    name: str
    version: str
    description: str
    effect: EffectClass
    schema_hash: str
    parameters: dict[str, Anything]
    result: dict[str, Anything] | None
    scopes: list[str]
    timeout_s: _Seconds
    max_tries: int
    key_ttl_s: _Seconds | None
    looks_up: bool
    on_doubt: OnDoubt
    fallback: str | None
    asks_on_failure: bool
    stale_for_s: _Seconds | None
    cache_for_s: _Seconds | None
    concurrency: int | None
    isolated: bool
    needs: list[str]
    declared_in: str
    registered_at: Instant
    seen_at: Instant


ToolList = page_of("ToolList", ToolReply)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolRoutes:
    """Tools are everybody's: agents name them, and agents are shown with their schemas too."""

    tools: Tools
    threads: Threads

    @Route(_AT, "GET", "listTools", {200: ToolList}, query=NamesQuery)
    async def show_all(self, request: Request) -> Response:
        """Tools in the order of their names, behind `after`."""
        named = query_of(request, NamesQuery)
        read = partial(self.tools.page, limit=named.limit, after=named.after)
        return await listed(self.threads, read, text=_text, cursor=lambda one: one.name)

    @Route(_AT, "GET /{name}", "getTool", {200: ToolReply})
    async def show(self, request: Request) -> Response:
        """One tool, as the worker that registered it last declared it."""
        no_query(request)
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
