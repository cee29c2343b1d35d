"""What a schedule did and will do: its runs, its next times, and runs out of turn."""

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Annotated
from uuid import UUID

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from agent_workers.orchestration.requests.schedules import ScheduleControl
from agent_workers.state.database.pages import Page
from agent_workers.state.schedules.calls import Place, Schedules
from agent_workers.state.schedules.runs import RunSeen, RunStatus, ScheduleRuns
from api.http.asked import validated
from api.http.idempotency import fingerprint_of
from api.http.json_text import dumped, rfc3339
from api.http.listing import whole_list
from api.http.paging import Pages
from api.http.queries import NoQuery, Number, PageQuery, idempotency_key_of, query_of
from api.http.reading import read_json, read_optional
from api.http.replies import NO_STORE, REPLAYED, JsonReply
from api.http.route import Reply, Room, Route
from api.problems import invalid
from api.process.threads import Threads
from api.schedules.bodies import BackfillRequest, ScheduleTriggerRequest
from api.schedules.routes import place_of, telling_where, tenant_and_schedule
from api.schedules.text import (
    ScheduleBackfillReply,
    SchedulePreviewReply,
    ScheduleRunList,
    ScheduleRunReply,
    run_text,
)

_AT = Room("/v1/schedules", reads="schedules:read", writes="schedules:control")

_RUN = Reply(
    model=ScheduleRunReply, description="Started, or handled as the schedule's `overlap` says"
)
_QUEUED = Reply(model=ScheduleBackfillReply, description="Accepted: the runs start within a second")


class RunsQuery(PageQuery):
    status: RunStatus | None = None


class PreviewQuery(NoQuery):
    n: Annotated[Number, Field(ge=1, le=100)] = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleRunRoutes:
    control: ScheduleControl
    schedules: Schedules
    runs: ScheduleRuns
    pages: Pages
    threads: Threads

    @Route(
        _AT, "GET /{schedule_id}/runs", "listScheduleRuns", {200: ScheduleRunList}, query=RunsQuery
    )
    async def show_all(self, request: Request) -> Response:
        """Runs, the latest tick first."""
        place = tenant_and_schedule(request)
        asked = query_of(request, RunsQuery)
        await self.threads.run(self.schedules.one, place)

        def read(*, limit: int, behind: tuple[datetime, UUID] | None) -> Page[RunSeen]:
            before = None if behind is None else behind[0]
            return self.runs.page(place, limit=limit, status=asked.status, before=before)

        return await self.pages.reply(
            asked,
            read,
            scope=f"{place[0]}\n{place[1]}\n{asked.status}",
            text=run_text,
            place=lambda run: (run.fire_at, place[1]),
        )

    @Route(
        _AT,
        "POST /{schedule_id}/trigger",
        "triggerSchedule",
        {202: _RUN},
        optional_body=ScheduleTriggerRequest,
        key="gives the same run",
    )
    async def trigger(self, request: Request) -> Response:
        """Run it now: 202 with the run, which its overlap policy may skip."""
        place = place_of(request)
        asked = await read_optional(request, ScheduleTriggerRequest)
        route = f"POST /v1/schedules/{place[1]}/trigger"
        trigger = partial(
            self.control.trigger,
            key=idempotency_key_of(request),
            fingerprint=fingerprint_of(route, str(asked.overlap).encode()),
        )
        made = await self.threads.run(trigger, place, asked.overlap)
        run = await self.threads.run(self.runs.one, place, made.fire_at)
        assert run is not None
        replayed = [] if made.fired else [REPLAYED]
        body = run_text(run).encode("utf-8")
        return JsonReply(body, status=202, headers=[NO_STORE, *replayed])

    @Route(
        _AT,
        "GET /{schedule_id}/preview",
        "previewSchedule",
        {200: SchedulePreviewReply},
        query=PreviewQuery,
    )
    async def preview(self, request: Request) -> Response:
        """When it fires next."""
        place: Place = tenant_and_schedule(request)
        count = query_of(request, PreviewQuery).n
        ticks = await self.threads.run(self.control.preview, place, count)
        return whole_list(f'"{rfc3339(tick)}"' for tick in ticks)

    @Route(
        _AT,
        "POST /{schedule_id}/backfill",
        "backfillSchedule",
        {202: _QUEUED},
        body=BackfillRequest,
    )
    async def backfill(self, request: Request) -> Response:
        """Run the ticks of a time gone by that have not run; beats start them within a second."""
        place = place_of(request)
        asked = validated(BackfillRequest, await read_json(request))
        if asked.end < asked.begin:
            raise invalid("must not be before begin", pointer="/end")
        with telling_where():
            count = await self.threads.run(self.control.backfill, place, asked.begin, asked.end)
        told: ScheduleBackfillReply = {"object": "schedule.backfill", "runs": count}
        return JsonReply(dumped(told), status=202, headers=[NO_STORE])
