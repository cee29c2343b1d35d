"""Every route of the API in one table, and how requests that fit none of them are answered."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Match
from typing_extensions import override

from agent_workers.domain.errors import AgentWorkersError
from agent_workers.domain.text.strict_json import JsonRefused
from api.batches.lists import BatchLists
from api.batches.routes import BatchRoutes
from api.catalogue.agents import AgentList
from api.catalogue.mcp_servers import McpServerRoutes
from api.catalogue.tools import ToolList
from api.docs_page.routes import show_docs, show_docs_file
from api.health import Health
from api.http.json_text import dumped
from api.http.replies import JsonReply, ProblemReply
from api.jobs.artifacts import Artifacts
from api.jobs.controls import JobControls
from api.jobs.doubts import Doubts
from api.jobs.events import JobEvents
from api.jobs.messages import JobMail
from api.jobs.routes import Jobs
from api.jobs.submit import Submitting
from api.memories.routes import MemoryRoutes
from api.openapi import document
from api.problems import CODES, Problem, problem_of
from api.schedules.routes import ScheduleRoutes
from api.schedules.runs import ScheduleRunRoutes
from api.sessions.routes import SessionRoutes
from api.triggers.parts import EventParts, event_routes
from api.webhooks.parts import WebhookParts, webhook_routes

Endpoint = Callable[[Request], Awaitable[Response]]
_ALLOWED = 405
_JOB = "/v1/jobs/{job_id}"
_AGENT = "/v1/agents/{name}"
_BATCH = "/v1/batches/{batch_id}"
_MCP_SERVER = "/v1/mcp_servers/{name}"
_MEMORY = "/v1/memories/{memory_id}"
_SCHEDULE = "/v1/schedules/{schedule_id}"
_SESSION = "/v1/sessions/{session_id}"


class LeanRoute(APIRoute):
    """Hands the request to its endpoint: bodies are read, checked and written by ourselves."""

    @override
    def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # type: ignore[override]
        endpoint: Endpoint = self.endpoint
        return endpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The parts of the API that have routes."""

    submitting: Submitting
    jobs: Jobs
    events: JobEvents
    controls: JobControls
    artifacts: Artifacts
    mail: JobMail
    doubts: Doubts
    batches: BatchRoutes
    batch_lists: BatchLists
    schedules: ScheduleRoutes
    schedule_runs: ScheduleRunRoutes
    sessions: SessionRoutes
    event_parts: EventParts
    webhooks: WebhookParts
    agents: AgentList
    mcp_servers: McpServerRoutes
    memories: MemoryRoutes
    tools: ToolList
    health: Health


def add_routes(app: FastAPI, parts: Parts) -> None:
    table: Mapping[tuple[str, str], Endpoint] = {
        ("POST", "/v1/jobs"): parts.submitting.submit_job,  # the first is found the fastest
        ("GET", _JOB): parts.jobs.show,
        ("GET", "/v1/jobs"): parts.jobs.show_all,
        ("GET", _JOB + "/steps"): parts.jobs.show_steps,
        ("GET", _JOB + "/trace"): parts.jobs.show_trace,
        ("GET", _JOB + "/events"): parts.events.show,
        ("GET", _JOB + "/artifacts"): parts.artifacts.show_all,
        ("GET", _JOB + "/artifacts/{name:path}"): parts.artifacts.show,
        ("POST", _JOB + "/events"): parts.mail.send,
        ("POST", _JOB + "/input"): parts.mail.answer,
        ("POST", _JOB + "/cancel"): parts.controls.cancel,
        ("POST", _JOB + "/pause"): parts.controls.pause,
        ("POST", _JOB + "/resume"): parts.controls.resume,
        ("POST", _JOB + "/steps/{position}/release"): parts.controls.release,
        ("GET", "/v1/doubts"): parts.doubts.show_all,
        ("GET", "/v1/doubts/{effect_key}"): parts.doubts.show,
        ("POST", "/v1/doubts/{effect_key}/verdict"): parts.doubts.give_verdict,
        ("POST", "/v1/batches"): parts.batches.create,
        ("GET", "/v1/batches"): parts.batch_lists.show_all,
        ("GET", _BATCH): parts.batches.show,
        ("GET", _BATCH + "/items"): parts.batch_lists.show_items,
        ("PUT", _BATCH + "/items"): parts.batches.upload,
        ("POST", _BATCH + "/start"): parts.batches.start,
        ("POST", _BATCH + "/cancel"): parts.batches.cancel,
        ("GET", _BATCH + "/results.jsonl"): parts.batches.results,
        ("POST", "/v1/schedules"): parts.schedules.create,
        ("GET", "/v1/schedules"): parts.schedules.show_all,
        ("GET", _SCHEDULE): parts.schedules.show,
        ("PATCH", _SCHEDULE): parts.schedules.change,
        ("DELETE", _SCHEDULE): parts.schedules.delete,
        ("POST", _SCHEDULE + "/pause"): parts.schedules.pause,
        ("POST", _SCHEDULE + "/resume"): parts.schedules.resume,
        ("POST", _SCHEDULE + "/trigger"): parts.schedule_runs.trigger,
        ("POST", _SCHEDULE + "/backfill"): parts.schedule_runs.backfill,
        ("GET", _SCHEDULE + "/runs"): parts.schedule_runs.show_all,
        ("GET", _SCHEDULE + "/preview"): parts.schedule_runs.preview,
        ("GET", "/v1/mcp_servers"): parts.mcp_servers.show_all,
        ("POST", "/v1/mcp_servers"): parts.mcp_servers.add,
        ("GET", _MCP_SERVER): parts.mcp_servers.show,
        ("DELETE", _MCP_SERVER): parts.mcp_servers.remove,
        ("POST", _MCP_SERVER + "/refresh"): parts.mcp_servers.refresh,
        ("GET", "/v1/memories"): parts.memories.show_all,
        ("DELETE", "/v1/memories"): parts.memories.forget_user,
        ("GET", "/v1/memories.jsonl"): parts.memories.export,
        ("GET", _MEMORY): parts.memories.show,
        ("DELETE", _MEMORY): parts.memories.forget,
        ("DELETE", _JOB + "/memories"): parts.memories.take_back,
        ("GET", "/v1/sessions"): parts.sessions.show_all,
        ("GET", _SESSION): parts.sessions.show,
        ("DELETE", _SESSION): parts.sessions.clear,
        ("GET", _SESSION + "/messages"): parts.sessions.show_messages,
        ("POST", _SESSION + "/messages"): parts.sessions.add,
        **event_routes(parts.event_parts),
        **webhook_routes(parts.webhooks),
        ("GET", "/v1/agents"): parts.agents.show_all,
        ("GET", _AGENT): parts.agents.show,
        ("GET", _AGENT + "/versions/{version}"): parts.agents.show_version,
        ("GET", "/v1/tools"): parts.tools.show_all,
        ("GET", "/v1/tools/{name}"): parts.tools.show,
        ("GET", "/health/live"): parts.health.live,
        ("GET", "/health/ready"): parts.health.ready,
        ("GET", "/openapi.json"): _described,
        ("GET", "/errors"): _errors,
        ("GET", "/docs"): show_docs,
    }
    app.router.route_class = LeanRoute
    for (method, path), endpoint in table.items():
        app.router.add_api_route(
            path, endpoint, methods=[method], response_model=None, include_in_schema=False
        )
    # What the page loads is a part of the page, and not described.
    app.router.add_route("/docs/{name}", show_docs_file, methods=["GET"])
    app.add_exception_handler(HTTPException, _unrouted)
    for kind in (Problem, JsonRefused, AgentWorkersError):
        app.add_exception_handler(kind, _said)


async def _described(_: Request) -> Response:
    return JsonReply(_DOCUMENT, headers=[(b"cache-control", b"max-age=300")])


async def _errors(_: Request) -> Response:
    """The page that the `type` of every problem leads to."""
    rows = "".join(
        f'<tr id="{code}"><td><code>{code}</code></td><td>{status}</td><td>{title}</td></tr>'
        for code, (status, title) in CODES.items()
    )
    head = "<!doctype html><title>Errors</title><h1>Errors</h1>"
    columns = "<tr><th>code</th><th>status</th><th>meaning</th></tr>"
    return HTMLResponse(f"{head}<table>{columns}{rows}</table>")


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


_DOCUMENT = dumped(document())
