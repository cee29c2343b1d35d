"""POST …/cancel, pause, resume and release: what people may ask of a job."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from agent_workers.domain.job import TERMINAL, JobStatus
from agent_workers.orchestration.requests.control import Control
from agent_workers.state.jobs.controls import Changed
from agent_workers.state.jobs.reads import Place
from api.http.asked import CancelRequest, EmptyRequest, PauseRequest
from api.http.paths import job_id_of
from api.http.queries import no_query
from api.http.reading import read_optional
from api.http.replies import JsonReply, caller_of
from api.http.route import Reply, Room, Route
from api.jobs.text import JobReply, job_bytes
from api.jobs.views import JobViews, job_headers
from api.problems import Problem, missing
from api.process.threads import Threads

_AT = Room("/v1/jobs", writes="jobs:control")

_LARGEST_POSITION = 2**31 - 1
_CANCELING = Reply(model=JobReply, description="Canceling: a step may still be running")
_NOT_PAUSABLE = TERMINAL | {JobStatus.CANCELING}


@dataclass(frozen=True, slots=True, kw_only=True)
class JobControls:
    control: Control
    views: JobViews
    threads: Threads

    @Route(
        _AT,
        "POST /{job_id}/cancel",
        "cancelJob",
        {200: JobReply, 202: _CANCELING},
        ("illegal_move",),
        optional_body=CancelRequest,
    )
    async def cancel(self, request: Request) -> Response:
        """End a job: 200 when it is canceled, 202 while something of it may still act."""
        place = _place(request)
        asked = await read_optional(request, CancelRequest)
        changed = await self.threads.run(
            self.control.cancel, *place, reason=asked.reason, now=asked.mode == "now"
        )
        if changed.status in TERMINAL - {JobStatus.CANCELED}:
            raise _refused(changed, "canceled")
        accepted = changed.status is JobStatus.CANCELING
        return await self._show(place, status=202 if accepted else 200)

    @Route(
        _AT,
        "POST /{job_id}/pause",
        "pauseJob",
        {200: JobReply},
        ("illegal_move",),
        optional_body=PauseRequest,
    )
    async def pause(self, request: Request) -> Response:
        """Begin no further step until the job is resumed."""
        place = _place(request)
        asked = await read_optional(request, PauseRequest)
        changed = await self.threads.run(self.control.pause, *place, reason=asked.reason)
        if changed.status in _NOT_PAUSABLE:
            raise _refused(changed, "paused")
        return await self._show(place)

    @Route(
        _AT,
        "POST /{job_id}/resume",
        "resumeJob",
        {200: JobReply},
        ("illegal_move",),
        optional_body=EmptyRequest,
    )
    async def resume(self, request: Request) -> Response:
        """Go on with a paused job."""
        place = _place(request)
        await read_optional(request, EmptyRequest)
        changed = await self.threads.run(self.control.resume, *place)
        if changed.status in _NOT_PAUSABLE:
            raise _refused(changed, "resumed")
        return await self._show(place)

    @Route(
        _AT,
        "POST /{job_id}/steps/{position}/release",
        "releaseStep",
        {200: JobReply},
        ("illegal_move",),
        optional_body=EmptyRequest,
    )
    async def release(self, request: Request) -> Response:
        """Let a step try again that was put into quarantine."""
        place = _place(request)
        await read_optional(request, EmptyRequest)
        position = request.path_params["position"]
        known = position.isascii() and position.isdigit() and len(position) <= 10  # noqa: PLR2004
        if not known or int(position) > _LARGEST_POSITION:
            raise Problem(code="not_found", detail="There is no such step.")
        await self.threads.run(self.control.release, *place, int(position))
        return await self._show(place)

    async def _show(self, place: Place, *, status: int = 200) -> Response:
        job = await self.views.read(place)
        if job is None:
            raise missing("job_not_found")
        return JsonReply(job_bytes(job), status=status, headers=job_headers(job))


def _place(request: Request) -> Place:
    no_query(request)
    return caller_of(request).tenant_id, job_id_of(request)


def _refused(changed: Changed, wish: str) -> Problem:
    detail = f"The job is {changed.status} and cannot be {wish}."
    return Problem(code="illegal_move", detail=detail)
