"""GET /v1/jobs and what belongs to one job: itself, its steps and its trace."""

import json
from dataclasses import dataclass, replace
from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from agent_workers.domain.ids import TenantId
from agent_workers.domain.job import JobStatus
from agent_workers.state.jobs.reads import JobQuery, JobSeen, Reads
from agent_workers.state.jobs.steps import StepReads
from api.http.cursors import Cursors
from api.http.json_text import dumped, job_bytes, job_text
from api.http.listing import Told, listed, replied
from api.http.queries import (
    METADATA,
    checked_query,
    instant_of,
    job_id_of,
    matches_etag,
    metadata_of,
    whole_number,
)
from api.http.replies import EmptyReply, JsonReply, caller_of
from api.jobs.text import step_text
from api.jobs.trace import trace_of, whole_rounds
from api.jobs.views import JobViews, job_headers
from api.problems import Problem, invalid
from api.process.threads import Threads

LONGEST_WAIT_S = 60
MOST_ON_A_PAGE = 100
_FILTERS = (
    "status",
    "agent",
    "user_id",
    "session_id",
    METADATA,
    "created_after",
    "limit",
    "cursor",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Jobs:
    views: JobViews
    reads: Reads
    steps: StepReads
    cursors: Cursors
    threads: Threads

    async def show(self, request: Request) -> Response:
        """One job, at once or after waiting for its end, or for any change with If-None-Match."""
        place = (caller_of(request).tenant_id, job_id_of(request))
        members = checked_query(request, ("wait",))
        wait_s = whole_number(members, "wait", least=0, most=LONGEST_WAIT_S, default=0)
        job = await self.views.read(place)
        if job is not None and wait_s and not job.finished:
            if matches_etag(request, job.version):
                job = await self.views.until_changed(place, version=job.version, wait_s=wait_s)
            elif "if-none-match" not in request.headers:
                job = await self.views.until_finished(place, wait_s=wait_s)
        if job is None:
            raise no_such_job()
        if matches_etag(request, job.version):
            return EmptyReply(304, headers=job_headers(job))
        return JsonReply(job_bytes(job), headers=job_headers(job))

    async def show_all(self, request: Request) -> Response:
        """A page of the caller's jobs, newest first."""
        members = checked_query(request, _FILTERS)
        query = self._query(caller_of(request).tenant_id, members)
        scope = _scope(query)

        def place(job: JobSeen) -> str:
            return self.cursors.written(job.created_at, job.job_id, scope=scope)

        read, text = partial(self.reads.page, query), partial(job_text, whole=False)
        return await listed(self.threads, read, text=text, cursor=place, linked_from=request)

    async def show_steps(self, request: Request) -> Response:
        """The steps of a job in their order, behind `after`."""
        tenant_id, job_id = caller_of(request).tenant_id, job_id_of(request)
        members = checked_query(request, ("after", "limit"))
        limit = whole_number(members, "limit", least=1, most=1_000, default=100)
        after = whole_number(members, "after", least=0, most=10**9 - 1, default=-1)
        if await self.views.read((tenant_id, job_id)) is None:
            raise no_such_job()
        read = partial(self.steps.steps, tenant_id, job_id, after=after, limit=limit)
        return await listed(
            self.threads, read, text=step_text, cursor=lambda step: str(step.position)
        )

    async def show_trace(self, request: Request) -> Response:
        """The way of a request through the layers, told from the steps behind `after`."""
        tenant_id, job_id = caller_of(request).tenant_id, job_id_of(request)
        members = checked_query(request, ("after", "limit"))
        limit = whole_number(members, "limit", least=1, most=1_000, default=1_000)
        after = whole_number(members, "after", least=0, most=10**9 - 1, default=-1)
        job = await self.views.read((tenant_id, job_id))
        if job is None:
            raise no_such_job()

        def told() -> Told:
            page = self.steps.steps(tenant_id, job_id, after=after, limit=limit)
            steps = whole_rounds(page)
            entries = trace_of(job, steps, from_start=after < 0)
            texts = [dumped(entry).decode("ascii") for entry in entries]
            return texts, str(steps[-1].position) if page.more else None

        return await replied(self.threads, told)

    def _query(self, tenant_id: TenantId, members: dict[str, str]) -> JobQuery:
        metadata = metadata_of(members)
        query = JobQuery(
            tenant_id=tenant_id,
            limit=whole_number(members, "limit", least=1, most=MOST_ON_A_PAGE, default=20),
            status=_status(members.get("status")),
            agent=members.get("agent"),
            user_id=members.get("user_id"),
            session_id=members.get("session_id"),
            metadata=None if metadata is None else json.dumps(metadata),
            created_after=instant_of(members, "created_after"),
        )
        cursor = members.get("cursor")
        if cursor is None:
            return query
        behind = self.cursors.read(cursor, scope=_scope(query))
        return replace(query, behind=behind)


def no_such_job() -> Problem:
    return Problem(code="job_not_found", detail="There is no such job.")


def _status(value: str | None) -> JobStatus | None:
    if value is None:
        return None
    try:
        return JobStatus(value)
    except ValueError:
        words = ", ".join(JobStatus)
        raise invalid(f"status must be one of {words}", pointer="/status") from None


def _scope(query: JobQuery) -> str:
    return json.dumps(
        [
            *(query.tenant_id, query.status, query.agent, query.user_id, query.session_id),
            *(query.metadata, str(query.created_after)),
        ]
    )
