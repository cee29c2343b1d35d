"""The routes of all rooms, and how requests that fit none of them are answered."""

from collections.abc import Awaitable, Callable, Iterable
from functools import cache

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match
from typing_extensions import override

from agent_workers.domain.errors import AgentWorkersError
from agent_workers.domain.text.strict_json import JsonRefused
from api.batches.lists import BatchLists
from api.batches.routes import BatchRoutes
from api.catalogue.agents import AgentRoutes
from api.catalogue.mcp_servers import McpServerRoutes
from api.catalogue.tools import ToolRoutes
from api.docs_page.routes import DocsPage, show_docs_file
from api.health import Health
from api.http.json_text import dumped
from api.http.replies import ProblemReply
from api.http.route import Endpoint, routes_of
from api.jobs.artifacts import Artifacts
from api.jobs.controls import JobControls
from api.jobs.doubts import Doubts
from api.jobs.events import JobEvents
from api.jobs.messages import JobMail
from api.jobs.routes import Jobs
from api.jobs.submit import Submitting
from api.memories.routes import MemoryRoutes
from api.openapi import document
from api.problems import Problem, problem_of
from api.reference import Reference
from api.schedules.routes import ScheduleRoutes
from api.schedules.runs import ScheduleRunRoutes
from api.sessions.routes import SessionRoutes
from api.triggers.dead_letters import DeadLetterRoutes
from api.triggers.intake import EventIntake
from api.triggers.routes import TriggerRoutes
from api.webhooks.deliveries import WebhookDeliveryRoutes
from api.webhooks.endpoints import WebhookEndpointRoutes
from api.webhooks.events import WebhookEventRoutes

# The first is found the fastest.
ROUTED: tuple[type, ...] = (
    *(Submitting, Jobs, JobEvents, Artifacts, JobMail, JobControls, Doubts),
    *(BatchRoutes, BatchLists, ScheduleRoutes, ScheduleRunRoutes),
    *(McpServerRoutes, MemoryRoutes, SessionRoutes),
    *(EventIntake, TriggerRoutes, DeadLetterRoutes),
    *(WebhookEndpointRoutes, WebhookDeliveryRoutes, WebhookEventRoutes),
    *(AgentRoutes, ToolRoutes, Health, Reference, DocsPage),
)
_ALLOWED = 405


class LeanRoute(APIRoute):
    """Hands the request to its endpoint: bodies are read, checked and written by ourselves."""

    @override
    def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # type: ignore[override]
        endpoint: Endpoint = self.endpoint
        return endpoint


def add_routes(app: FastAPI, parts: Iterable[object]) -> None:
    """Add the routes of all parts; each class in ROUTED has one."""
    part_of = {type(part): part for part in parts}
    app.router.route_class = LeanRoute
    for owner in ROUTED:
        for one in routes_of(owner):
            app.router.add_api_route(
                one.route.path,
                getattr(part_of[owner], one.handler),
                methods=[one.route.method],
                response_model=None,
                include_in_schema=False,
            )
    # What the page loads is a part of the page, and not described.
    app.router.add_route("/docs/{name}", show_docs_file, methods=["GET"])
    app.add_exception_handler(HTTPException, _unrouted)
    for kind in (Problem, JsonRefused, AgentWorkersError):
        app.add_exception_handler(kind, _said)


@cache
def described() -> bytes:
    """Return the OpenAPI document; the first call makes it."""
    return dumped(document(ROUTED))


async def _said(request: Request, error: Exception) -> Response:
    return _reply(request, problem_of(error))


async def _unrouted(request: Request, error: Exception) -> Response:
    """Nothing is here, or something is, but for other methods: then say all of them."""
    assert isinstance(error, HTTPException)
    allowed = sorted(_methods(request))
    if error.status_code == _ALLOWED and allowed:
        detail = f"Use one of {', '.join(allowed)}."
        headers = {"allow": ", ".join(allowed)}
        return _reply(request, Problem(code="method_not_allowed", detail=detail, headers=headers))
    return _reply(request, Problem(code="not_found", detail="There is nothing at this path."))


def _methods(request: Request) -> set[str]:
    return {
        method
        for route in request.app.routes
        if isinstance(route, APIRoute) and route.matches(request.scope)[0] is not Match.NONE
        for method in route.methods or ()
    }


def _reply(request: Request, problem: Problem) -> Response:
    return ProblemReply(problem, request_id=request.scope["request_id"], instance=request.url.path)
