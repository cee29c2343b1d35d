"""GET /v1/jobs/{id}/events: the journal as a stream that can be resumed, or as a page of JSON."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from agent_workers.domain.events import TERMINAL_EVENTS
from agent_workers.domain.ids import JobId
from agent_workers.state.jobs.reads import Place
from agent_workers.state.jobs.steps import Events, EventSeen, StepReads
from agent_workers.transport.shared.model_deltas_heard import DeltaListener
from api.http.listing import Told, replied
from api.http.paths import job_id_of
from api.http.queries import NumbersQuery, query_of
from api.http.replies import NO_STORE, EmptyReply, caller_of
from api.http.route import Header, Reply, Room, Route
from api.jobs.deltas import Meanwhile
from api.jobs.text import EventList, event_text
from api.problems import Problem, invalid, missing
from api.process.threads import Threads
from api.process.waiting import Waiting

_AT = Room("/v1/jobs", reads="jobs:read")

COMMENT_EVERY_S = 15.0
RETRY_MS = 2_000
_STREAM = {
    "cache-control": "no-store",
    "x-accel-buffering": "no",  # or a proxy would hold events back
}
_JOURNAL = Reply(
    model=EventList,
    description="The journal as a stream, or as a page",
    others={"text/event-stream": str},
)
_ALL_SEEN = "The job has ended, and there are no more events"
_LAST_SEEN = Header(
    name="Last-Event-ID",
    description="The `id` of the last event that you have seen.",
    kind=Annotated[str, Field(pattern="^[0-9]{1,9}$")],
)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobEvents:
    steps: StepReads
    waiting: Waiting
    threads: Threads
    deltas: DeltaListener
    comment_every_s: float = COMMENT_EVERY_S

    @Route(
        _AT,
        "GET /{job_id}/events",
        "listEvents",
        {200: _JOURNAL, 204: _ALL_SEEN},
        ("not_acceptable", "too_many_streams"),
        query=NumbersQuery,
        headers=(_LAST_SEEN,),
    )
    async def show(self, request: Request) -> Response:
        """The journal of a job, behind `after`: as a stream that can be resumed, or as a page."""
        place = (caller_of(request).tenant_id, job_id_of(request))
        asked = query_of(request, NumbersQuery)
        after = asked.after or 0
        if _wants_stream(request):
            return await self._stream(place, max(after, _last_event_id(request)))
        return await self._page(place, after, asked.limit)

    async def _page(self, place: Place, after: int, limit: int) -> Response:
        def told() -> Told:
            found = self._read(place, after, limit=limit)
            last = found.events[-1].number if found.events else after
            cursor = str(last) if last < found.last_number else None
            return [event_text(place[1], event) for event in found.events], cursor

        return await replied(self.threads, told)

    async def _stream(self, place: Place, after: int) -> Response:
        found = await self.threads.run(self._read, place, after)
        if found.finished and not found.events:
            # 204 tells a browser's EventSource not to come again: everything has been said.
            return EmptyReply(204, headers=[NO_STORE])
        if not self.waiting.has_room(place[0]):
            raise Problem(
                code="too_many_streams",
                detail="This tenant has too many open streams: close one first.",
            )
        return StreamingResponse(
            self._told(place, after), media_type="text/event-stream", headers=_STREAM
        )

    async def _told(self, place: Place, after: int) -> AsyncIterator[str]:
        """Tell every event once, in order, up to the one that ends the job."""
        yield f"retry: {RETRY_MS}\n\n"
        with (
            self.waiting.waiter(place) as waiter,
            self.deltas.watch(place[1], from_start=after == 0) as heard,
        ):
            meanwhile = Meanwhile(waiter, heard)
            while not self.waiting.closing:
                found, texts = await self.threads.run(self._texts, place, after)
                for event, text in zip(found.events, texts, strict=True):
                    yield text
                    meanwhile.note(event)
                    after = waiter.version = event.number
                    if event.type in TERMINAL_EVENTS:
                        return
                if found.finished and after >= found.last_number:
                    return
                if found.events:
                    continue
                async with aclosing(meanwhile.told(self.comment_every_s)) as deltas:
                    async for delta in deltas:
                        yield delta
                if not meanwhile.has_news:
                    yield ": nothing new\n\n"

    def _texts(self, place: Place, after: int) -> tuple[Events, list[str]]:
        found = self._read(place, after)
        return found, [_event(place[1], event) for event in found.events]

    def _read(self, place: Place, after: int, *, limit: int = 200) -> Events:
        found = self.steps.events(*place, after=after, limit=limit)
        if found is None:
            raise missing("job_not_found")
        return found


def _event(job_id: JobId, event: EventSeen) -> str:
    return f"id: {event.number}\nevent: job.{event.type}\ndata: {event_text(job_id, event)}\n\n"


def _wants_stream(request: Request) -> bool:
    """A stream unless JSON is asked for; a browser's EventSource asks for text/event-stream."""
    accept = request.headers.get("accept", "*/*").lower()
    kinds = {part.partition(";")[0].strip() for part in accept.split(",")}
    if "text/event-stream" in kinds:
        return True
    if kinds & {"application/json", "application/*"}:
        return False
    if kinds & {"*/*", "text/*", ""}:
        return True
    detail = "This is text/event-stream, or application/json."
    raise Problem(code="not_acceptable", detail=detail)


def _last_event_id(request: Request) -> int:
    value = request.headers.get("last-event-id", "").strip()
    if not value:
        return 0
    if not (value.isascii() and value.isdigit() and len(value) <= 9):  # noqa: PLR2004
        raise invalid("Last-Event-ID must be the id of an event of this stream")
    return int(value)
