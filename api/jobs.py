"""GET /v1/jobs and what belongs to one job: itself, its steps and its trace."""

import json
from dataclasses import dataclass, replace

from starlette.requests import Request
from starlette.responses import Response

from agent_workers.domain.ids import TenantId
from agent_workers.domain.job import JobStatus
from agent_workers.state.reads import JobQuery, JobSeen, Reads
from agent_workers.state.reads_steps import StepReads
from api.cursors import Cursors
from api.job_views import JobViews, job_headers
from api.problems import Problem, invalid
from api.queries import (
    METADATA,
    checked_query,
    instant_of,
    job_id_of,
    matches_etag,
    metadata_of,
    whole_number,
)
from api.replies import NO_STORE, EmptyReply, JsonReply, caller_of
from api.shapes import dumped, job_bytes, job_text, list_bytes
from api.shapes_parts import step_text
from api.threads import Threads
from api.trace import trace_of

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
        found = await self.threads.run(self.reads.page, query)
        page = found[: query.limit - 1]
        more = len(found) == query.limit
        cursor = self._cursor(page[-1], scope) if more else None
        headers = [NO_STORE]
        if cursor is not None:
            following = request.url.include_query_params(cursor=cursor)
            link = f'<{following.path}?{following.query}>; rel="next"'
            headers.append((b"link", link.encode("latin-1")))
        texts = [job_text(job, whole=False) for job in page]
        return JsonReply(list_bytes(texts, next_cursor=cursor), headers=headers)

    async def show_steps(self, request: Request) -> Response:
        """The steps of a job in their order, behind `after`."""
        tenant_id, job_id = caller_of(request).tenant_id, job_id_of(request)
        members = checked_query(request, ("after", "limit"))
        limit = whole_number(members, "limit", least=1, most=1_000, default=100)
        after = whole_number(members, "after", least=0, most=10**9 - 1, default=-1)
        if await self.views.read((tenant_id, job_id)) is None:
            raise no_such_job()
        found = await self.threads.run(
            self.steps.steps, tenant_id, job_id, after=after, limit=limit + 1
        )
        page = found[:limit]
        cursor = str(page[-1].position) if len(found) > limit else None
        body = list_bytes([step_text(step) for step in page], next_cursor=cursor)
        return JsonReply(body, headers=[NO_STORE])

    async def show_trace(self, request: Request) -> Response:
        """The way of a request through the layers, told from what was stored."""
        tenant_id, job_id = caller_of(request).tenant_id, job_id_of(request)
        checked_query(request, ())
        job = await self.views.read((tenant_id, job_id))
        if job is None:
            raise no_such_job()
        steps = await self.threads.run(self.steps.steps, tenant_id, job_id, limit=1_000)
        texts = [dumped(entry).decode("ascii") for entry in trace_of(job, steps)]
        return JsonReply(list_bytes(texts, next_cursor=None), headers=[NO_STORE])

    def _query(self, tenant_id: TenantId, members: dict[str, str]) -> JobQuery:
        metadata = metadata_of(members)
        query = JobQuery(
            tenant_id=tenant_id,
            # One more than asked for says whether there is more.
            limit=1 + whole_number(members, "limit", least=1, most=MOST_ON_A_PAGE, default=20),
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

    def _cursor(self, last: JobSeen, scope: str) -> str:
        return self.cursors.written(last.created_at, last.job_id, scope=scope)


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
