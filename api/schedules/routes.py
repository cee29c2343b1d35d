"""/v1/schedules: when jobs and batches start by themselves."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from agent_workers.domain.ids import SCHEDULE_ID, TenantId
from agent_workers.domain.schedules.cron import BadSchedule
from agent_workers.domain.schedules.schedule import ScheduleStatus
from agent_workers.domain.schedules.target import Target
from agent_workers.domain.schedules.terms import ScheduleTerms
from agent_workers.orchestration.requests.schedules import ScheduleControl
from agent_workers.state.catalogue.agents import Agents
from agent_workers.state.schedules.calls import Place, Schedules
from agent_workers.state.schedules.rows import ScheduleSeen
from api.http.asked import EmptyRequest, validated
from api.http.idempotency import keyed
from api.http.paging import Pages
from api.http.paths import id_of
from api.http.queries import PageQuery, no_query, query_of
from api.http.reading import read_json, read_optional
from api.http.replies import NO_STORE, REPLAYED, EmptyReply, JsonReply, caller_of
from api.http.route import Reply, Room, Route
from api.jobs.agents_asked import taking_jobs
from api.problems import invalid
from api.process.threads import Threads
from api.schedules.bodies import (
    ScheduleChangeRequest,
    ScheduleRequest,
    agents_of,
    changed_terms,
    terms_asked,
)
from api.schedules.text import ScheduleList, ScheduleReply, schedule_text

_AT = Room("/v1/schedules", reads="schedules:read", writes="schedules:write")

_LINKS = (
    "getSchedule changeSchedule pauseSchedule resumeSchedule triggerSchedule previewSchedule"
    " listScheduleRuns"
)
_CREATED = Reply(
    model=ScheduleReply, description="Created", links=("schedule_id", tuple(_LINKS.split()))
)


class SchedulesQuery(PageQuery):
    status: ScheduleStatus | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleRoutes:
    control: ScheduleControl
    schedules: Schedules
    agents: Agents
    pages: Pages
    threads: Threads

    @Route(
        _AT,
        "POST",
        "createSchedule",
        {201: _CREATED},
        ("unknown_agent", "agent_retired", "quota_reached"),
        body=ScheduleRequest,
        key="gives the same schedule",
    )
    async def create(self, request: Request) -> Response:
        """Make a schedule of jobs or of batches."""
        body = await read_json(request)
        terms = terms_asked(validated(ScheduleRequest, body))
        tenant_id = caller_of(request).tenant_id
        await self._check_agents(tenant_id, terms.target)
        once = keyed(request, "POST /v1/schedules", body)
        create = partial(self.control.create, key=once.key, fingerprint=once.fingerprint)
        with telling_where():
            made = await self.threads.run(create, tenant_id, terms)
        wire = SCHEDULE_ID.written(made.schedule.schedule_id)
        headers = [(b"location", f"/v1/schedules/{wire}".encode("ascii"))]
        if made.replayed:
            headers.append(REPLAYED)
        return _reply(made.schedule, status=201, headers=headers)

    @Route(_AT, "GET", "listSchedules", {200: ScheduleList}, query=SchedulesQuery)
    async def show_all(self, request: Request) -> Response:
        """Schedules, the newest first."""
        tenant_id = caller_of(request).tenant_id
        asked = query_of(request, SchedulesQuery)
        return await self.pages.reply(
            asked,
            partial(self.schedules.page, tenant_id, status=asked.status),
            scope=f"{tenant_id}\n{asked.status}",
            text=schedule_text,
            place=lambda one: (one.created_at, one.schedule_id),
        )

    @Route(_AT, "GET /{schedule_id}", "getSchedule", {200: ScheduleReply})
    async def show(self, request: Request) -> Response:
        """One schedule, with the time at which it fires next."""
        return _reply(await self.threads.run(self.schedules.one, place_of(request)))

    @Route(
        _AT,
        "PATCH /{schedule_id}",
        "changeSchedule",
        {200: ScheduleReply},
        ("illegal_move", "unknown_agent", "agent_retired"),
        body=ScheduleChangeRequest,
    )
    async def change(self, request: Request) -> Response:
        """Change what is said, and nothing else; the next beat knows, within a second."""
        place = place_of(request)
        asked = validated(ScheduleChangeRequest, await read_json(request))

        def edit(terms: ScheduleTerms) -> ScheduleTerms:
            return changed_terms(terms, asked)

        if asked.target is not None:
            before = await self.threads.run(self.schedules.one, place)
            await self._check_agents(place[0], edit(before.terms).target)
        with telling_where():
            return _reply(await self.threads.run(self.control.change, place, edit))

    @Route(_AT, "DELETE /{schedule_id}", "deleteSchedule", {204: "Deleted, with its runs"})
    async def delete(self, request: Request) -> Response:
        """Forget a schedule with its runs; jobs that it started go on."""
        await self.threads.run(self.control.delete, place_of(request))
        return EmptyReply(204)

    @Route(
        _AT,
        "POST /{schedule_id}/pause",
        "pauseSchedule",
        {200: ScheduleReply},
        ("illegal_move",),
        optional_body=EmptyRequest,
        scope="schedules:control",
    )
    async def pause(self, request: Request) -> Response:
        """Start nothing until it is resumed."""
        place = place_of(request)
        await read_optional(request, EmptyRequest)
        return _reply(await self.threads.run(self.control.pause, place))

    @Route(
        _AT,
        "POST /{schedule_id}/resume",
        "resumeSchedule",
        {200: ScheduleReply},
        ("illegal_move",),
        optional_body=EmptyRequest,
        scope="schedules:control",
    )
    async def resume(self, request: Request) -> Response:
        """Go on with a paused schedule, from now on."""
        place = place_of(request)
        await read_optional(request, EmptyRequest)
        return _reply(await self.threads.run(self.control.resume, place))

    async def _check_agents(self, tenant_id: TenantId, target: Target) -> None:
        for agent, pointer in agents_of(target).items():
            pace = await self.threads.run(self.agents.known, tenant_id, agent)
            taking_jobs(pace, agent, pointer=pointer)


@contextmanager
def telling_where() -> Iterator[None]:
    """Turn what makes no sense about a schedule into a mistake with its place."""
    try:
        yield
    except BadSchedule as error:
        raise invalid(str(error), pointer=f"/{error.field}") from None


def place_of(request: Request) -> Place:
    no_query(request)
    return tenant_and_schedule(request)


def tenant_and_schedule(request: Request) -> Place:
    return caller_of(request).tenant_id, id_of(request, "schedule_id")


def _reply(
    schedule: ScheduleSeen, *, status: int = 200, headers: list[tuple[bytes, bytes]] | None = None
) -> Response:
    etag = (b"etag", f'"{schedule.version}"'.encode("ascii"))
    body = schedule_text(schedule).encode("utf-8")
    return JsonReply(body, status=status, headers=[etag, NO_STORE, *(headers or [])])
