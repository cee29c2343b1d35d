"""GET /v1/jobs and what belongs to one job: itself, its steps and its trace."""

import json
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Annotated
from uuid import UUID

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from agent_workers.domain.ids import TenantId
from agent_workers.domain.job import JobStatus
from agent_workers.state.database.pages import Page
from agent_workers.state.jobs.reads import JobQuery, JobSeen, Reads
from agent_workers.state.jobs.steps import StepReads
from api.http.json_text import dumped
from api.http.listing import Told, listed, replied
from api.http.paging import Pages
from api.http.paths import job_id_of
from api.http.queries import (
    InstantAsked,
    NoQuery,
    Number,
    NumbersQuery,
    PageQuery,
    matches_etag,
    query_of,
)
from api.http.replies import EmptyReply, JsonReply, caller_of
from api.http.route import Header, Room, Route
from api.jobs.text import JobList, JobReply, StepList, job_bytes, job_text, step_text
from api.jobs.trace import TraceList, trace_of, whole_rounds
from api.jobs.views import JobViews, job_headers
from api.problems import missing
from api.process.threads import Threads

_AT = Room("/v1/jobs", reads="jobs:read")

LONGEST_WAIT_S = 60


class WaitQuery(NoQuery):
    wait: Annotated[Number, Field(ge=0, le=LONGEST_WAIT_S)] = 0


class TraceQuery(NumbersQuery):
    limit: Annotated[Number, Field(ge=1, le=1_000)] = 1_000


class JobsQuery(PageQuery):
    status: JobStatus | None = None
    agent: str | None = None
    user_id: str | None = None
    session_id: str | None = None
    metadata: dict[Annotated[str, Field(pattern=r"^[^\[\]\x00]{1,64}$")], str] | None = None
    created_after: InstantAsked | None = None


_UNCHANGED = "Nothing changed"
_WAITED = Header(
    name="If-None-Match",
    description="The `etag` you have. With `wait`: the reply comes when it changes, else 304.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Jobs:
    views: JobViews
    reads: Reads
    steps: StepReads
    pages: Pages
    threads: Threads

    @Route(
        _AT,
        "GET /{job_id}",
        "getJob",
        {200: JobReply, 304: _UNCHANGED},
        query=WaitQuery,
        headers=(_WAITED,),
    )
    async def show(self, request: Request) -> Response:
        """One job, at once or after waiting for its end, or for any change with If-None-Match."""
        place = (caller_of(request).tenant_id, job_id_of(request))
        wait_s = query_of(request, WaitQuery).wait
        job = await self.views.read(place)
        if job is not None and wait_s and not job.finished:
            if matches_etag(request, job.version):
                job = await self.views.until_changed(place, version=job.version, wait_s=wait_s)
            elif "if-none-match" not in request.headers:
                job = await self.views.until_finished(place, wait_s=wait_s)
        if job is None:
            raise missing("job_not_found")
        if matches_etag(request, job.version):
            return EmptyReply(304, headers=job_headers(job))
        return JsonReply(job_bytes(job), headers=job_headers(job))

    @Route(_AT, "GET", "listJobs", {200: JobList}, query=JobsQuery)
    async def show_all(self, request: Request) -> Response:
        """A page of the caller's jobs, newest first."""
        asked = query_of(request, JobsQuery)
        query = _query(caller_of(request).tenant_id, asked)

        def read(*, limit: int, behind: tuple[datetime, UUID] | None) -> Page[JobSeen]:
            return self.reads.page(replace(query, limit=limit, behind=behind))

        return await self.pages.reply(
            asked,
            read,
            scope=_scope(query),
            text=partial(job_text, whole=False),
            place=lambda job: (job.created_at, job.job_id),
            linked_from=request,
        )

    @Route(_AT, "GET /{job_id}/steps", "listSteps", {200: StepList}, query=NumbersQuery)
    async def show_steps(self, request: Request) -> Response:
        """The steps of a job in their order, behind `after`."""
        tenant_id, job_id = caller_of(request).tenant_id, job_id_of(request)
        asked = query_of(request, NumbersQuery)
        after = -1 if asked.after is None else asked.after
        if await self.views.read((tenant_id, job_id)) is None:
            raise missing("job_not_found")
        read = partial(self.steps.steps, tenant_id, job_id, after=after, limit=asked.limit)
        return await listed(
            self.threads, read, text=step_text, cursor=lambda step: str(step.position)
        )

    @Route(_AT, "GET /{job_id}/trace", "getTrace", {200: TraceList}, query=TraceQuery)
    async def show_trace(self, request: Request) -> Response:
        """The way of a request through the layers, told from the steps behind `after`."""
        tenant_id, job_id = caller_of(request).tenant_id, job_id_of(request)
        asked = query_of(request, TraceQuery)
        after = -1 if asked.after is None else asked.after
        job = await self.views.read((tenant_id, job_id))
        if job is None:
            raise missing("job_not_found")

        def told() -> Told:
            page = self.steps.steps(tenant_id, job_id, after=after, limit=asked.limit)
            steps = whole_rounds(page)
            entries = trace_of(job, steps, from_start=after < 0)
            texts = [dumped(entry).decode("ascii") for entry in entries]
            return texts, str(steps[-1].position) if page.more else None

        return await replied(self.threads, told)


def _query(tenant_id: TenantId, asked: JobsQuery) -> JobQuery:
    return JobQuery(
        tenant_id=tenant_id,
        limit=asked.limit,
        status=asked.status,
        agent=asked.agent,
        user_id=asked.user_id,
        session_id=asked.session_id,
        metadata=None if asked.metadata is None else json.dumps(asked.metadata),
        created_after=asked.created_after,
    )


def _scope(query: JobQuery) -> str:
    return json.dumps(
        [
            *(query.tenant_id, query.status, query.agent, query.user_id, query.session_id),
            *(query.metadata, str(query.created_after)),
        ]
    )
