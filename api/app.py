"""Composition root of the API."""

from collections.abc import Iterator
from datetime import timedelta

from fastapi import FastAPI
from starlette.middleware import Middleware

from agent_workers.domain.ids import TenantId
from agent_workers.domain.outside.reach import Reach, networks_of
from agent_workers.orchestration.requests.batches import BatchRuns
from agent_workers.orchestration.requests.control import Control
from agent_workers.orchestration.requests.messages import Mailing
from agent_workers.settings import Settings
from agent_workers.state.access.keys import Caller
from agent_workers.state.batches.reads import BatchReads
from agent_workers.state.batches.rows import Batches
from agent_workers.state.catalogue.agent_versions import AgentVersions
from agent_workers.state.catalogue.agents import Agents
from agent_workers.state.catalogue.mcp import McpRows
from agent_workers.state.catalogue.mcp_servers import McpServers
from agent_workers.state.catalogue.tools import Tools
from agent_workers.state.database.engine import PAGE_BYTES, Database
from agent_workers.state.database.schema import migration_order
from agent_workers.state.jobs.controls import Controls
from agent_workers.state.jobs.effects import EffectReads
from agent_workers.state.jobs.messages import Mail
from agent_workers.state.jobs.reads import Reads
from agent_workers.state.jobs.steps import StepReads
from agent_workers.state.jobs.submissions import Pace
from agent_workers.state.jobs.workspaces import Workspaces
from agent_workers.state.memories.rows import MemoryRows
from agent_workers.state.sessions.calls import SessionCalls
from api.batches.lists import BatchLists
from api.batches.routes import BatchRoutes
from api.catalogue.agents import AgentRoutes
from api.catalogue.mcp_servers import McpServerRoutes
from api.catalogue.tools import ToolRoutes
from api.docs_page.routes import DocsPage
from api.health import (
    Health,
    broker_check,
    database_check,
    migrations_check,
    threads_check,
)
from api.http.cursors import Cursors
from api.http.door import Door
from api.http.paging import Pages
from api.jobs.artifacts import Artifacts
from api.jobs.controls import JobControls
from api.jobs.doubts import Doubts
from api.jobs.events import JobEvents
from api.jobs.messages import JobMail
from api.jobs.routes import Jobs
from api.jobs.submit import Submitting
from api.jobs.views import JobViews
from api.memories.routes import MemoryRoutes
from api.process.cached import Cached
from api.process.running import API_STATEMENT_S, Running, prepared
from api.process.waiting import WaitingRoom
from api.reference import Reference
from api.routes import add_routes, described
from api.schedules.parts import schedule_parts
from api.sessions.routes import SessionRoutes
from api.triggers.parts import event_parts
from api.webhooks.parts import webhook_parts

# A revoked key, or an agent that changed, is believed for so long at most.
KEY_TTL_S = 2.0
AGENT_TTL_S = 1.0


def create_app(settings: Settings, *, page_bytes: int = PAGE_BYTES) -> FastAPI:
    """Put the API together; nothing connects to anything before the server starts."""
    settings.demand("database_url", "broker_url", "secret_pepper")
    pool_size = settings.db_pool_size
    running = prepared(
        Database(
            settings.database_url,
            pool_size=pool_size,
            name="api",
            statement_s=API_STATEMENT_S,
            page_bytes=page_bytes,
        ),
        settings.broker_url,
        settings.redis_url or None,
        pepper=settings.secret_pepper,
        pool_size=pool_size,
        # Long connections never take all of them.
        room=WaitingRoom(
            most=max(1, settings.api_connections // 2),
            most_of_tenant=settings.api_streams_per_tenant,
        ),
    )
    app = FastAPI(
        title="agent-workers",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=running.lifespan,
        middleware=[
            Middleware(Door, callers=_callers(running), log_requests=settings.log_requests)
        ],
    )
    add_routes(app, _parts(running, settings))
    app.state.end_waiting = running.waiting.end_all
    app.state.threads = running.threads
    return app


def _parts(running: Running, settings: Settings) -> Iterator[object]:
    database, threads, pepper = running.database, running.threads, settings.secret_pepper
    yield from _job_parts(running, settings)
    yield _batches(running, allow_private=settings.allow_private_webhooks)
    yield BatchLists(
        reads=BatchReads(database), pages=_pages(running, pepper, "batches"), threads=threads
    )
    yield from schedule_parts(running, pepper)
    yield SessionRoutes(
        sessions=SessionCalls(database, ttl=timedelta(seconds=settings.session_ttl_s)),
        cursors=Cursors(pepper, listing="sessions"),
        threads=threads,
    )
    yield from event_parts(running, pepper)
    yield from webhook_parts(running, pepper, allow_private=settings.allow_private_webhooks)
    yield AgentRoutes(agents=Agents(database), versions=AgentVersions(database), threads=threads)
    yield McpServerRoutes(
        rows=McpRows(database),
        servers=McpServers(database),
        reach=Reach(hosts=settings.http_hosts, private=networks_of(settings.http_private)),
        threads=threads,
    )
    yield MemoryRoutes(
        rows=MemoryRows(database), pages=_pages(running, pepper, "memories"), threads=threads
    )
    yield ToolRoutes(tools=Tools(database), threads=threads)
    yield _health(running, settings.broker_url)
    yield Reference(document=described, threads=running.health_threads)
    yield DocsPage()


def _job_parts(running: Running, settings: Settings) -> Iterator[object]:
    database, threads, pepper = running.database, running.threads, settings.secret_pepper
    steps, reads = StepReads(database), running.reads
    views = JobViews(funnel=running.views, waiting=running.waiting)
    yield _submitting(running, views, settings)
    yield Jobs(
        views=views,
        reads=reads,
        steps=steps,
        pages=_pages(running, pepper, "jobs"),
        threads=threads,
    )
    yield JobEvents(steps=steps, waiting=running.waiting, threads=threads, deltas=running.deltas)
    yield JobControls(control=_control(running), views=views, threads=threads)
    yield Artifacts(workspaces=Workspaces(database), reads=reads, threads=threads)
    yield JobMail(mailing=_mailing(running), views=views, threads=threads)
    yield Doubts(
        effects=EffectReads(database),
        control=_control(running),
        pages=_pages(running, pepper, "doubts"),
        threads=threads,
    )


def _pages(running: Running, pepper: str, listing: str) -> Pages:
    return Pages(cursors=Cursors(pepper, listing=listing), threads=running.threads)


def _submitting(running: Running, views: JobViews, settings: Settings) -> Submitting:
    agents = Agents(running.database)

    async def find(place: tuple[TenantId, str]) -> Pace | None:
        return await running.threads.run(agents.known, *place)

    return Submitting(
        funnel=running.submissions,
        submit=running.submit,
        agents=Cached(find, ttl_s=AGENT_TTL_S),
        nearest=agents.nearest,
        views=views,
        threads=running.threads,
        allow_private_callbacks=settings.allow_private_webhooks,
        session_ttl=timedelta(seconds=settings.session_ttl_s),
    )


def _batches(running: Running, *, allow_private: bool) -> BatchRoutes:
    database = running.database
    return BatchRoutes(
        runs=BatchRuns(Batches(database), ring=running.carriers.ring),
        reads=BatchReads(database),
        agents=Agents(database),
        threads=running.threads,
        allow_private_callbacks=allow_private,
    )


def _control(running: Running) -> Control:
    carriers = running.carriers
    return Control(Controls(running.database), ring=carriers.ring, tell=carriers.tell)


def _mailing(running: Running) -> Mailing:
    carriers = running.carriers
    return Mailing(Mail(running.database), ring=carriers.ring, tell=carriers.tell)


def _health(running: Running, broker_url: str) -> Health:
    reads = Reads(running.own_database)
    checks = {
        "database": database_check(reads),
        "migrations": migrations_check(reads, order=migration_order()),
        "broker": broker_check(broker_url),
        "threads": threads_check(running.threads),
    }
    return Health(checks=checks, threads=running.health_threads)


def _callers(running: Running) -> Cached[bytes, Caller]:
    async def find(token: bytes) -> Caller | None:
        return await running.keys.ask(token.decode("latin-1"))

    return Cached(find, ttl_s=KEY_TTL_S)
