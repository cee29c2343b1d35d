"""POST /v1/events: takes CloudEvents 1.0 in any of their three modes, and starts their jobs."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from agent_workers.domain.ids import TenantId
from agent_workers.domain.text.strict_json import parse
from agent_workers.domain.triggers.event import EventRefused
from agent_workers.domain.triggers.message import BATCH, ONE, PREFIXES, Message, events_of
from agent_workers.orchestration.triggers.arriving import Arrived
from agent_workers.orchestration.triggers.intake import Intake
from agent_workers.state.triggers.intake import EventsRefused
from api.http.json_text import list_bytes
from api.http.queries import no_query
from api.http.replies import NO_STORE, JsonReply, caller_of
from api.http.route import Reply, Room, Route
from api.problems import Problem, invalid
from api.process.threads import Threads
from api.triggers.text import (
    CloudEvent,
    CloudEvents,
    EventReceiptList,
    EventReceiptReply,
    receipt_text,
)

_AT = Room("/v1/events", writes="events:submit")

_ACCEPTED = f"{ONE}, {BATCH}"
_TAKEN = Reply(
    model=EventReceiptReply | EventReceiptList,
    description="The events are stored, with the jobs that they start",
)
# What an event may be refused with, beside what is wrong with its form.
EVENT_PROBLEMS = (
    "invalid_event",
    "too_much_at_once",
    "quota_reached",
    "idempotency_key_in_flight",
    "budget_exceeded",
    "not_stored",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventIntake:
    intake: Intake
    threads: Threads

    @Route(
        _AT,
        "POST",
        "takeEvents",
        {202: _TAKEN},
        EVENT_PROBLEMS,
        bodies={ONE: CloudEvent, BATCH: CloudEvents},
    )
    async def take(self, request: Request) -> Response:
        """Take one event or a batch: stored in one transaction, or refused as a whole.

        CloudEvents 1.0: structured, a batch, or binary: the attributes as `ce-` headers and the
        data as the body, of any content type.
        """
        no_query(request)
        message = await _message(request)
        body = await self.threads.run(self._taken, caller_of(request).tenant_id, message)
        return JsonReply(body, status=202, headers=[NO_STORE])

    def _taken(self, tenant_id: TenantId, message: Message) -> bytes:
        """Read, take and answer in a thread: each takes long for the largest message."""
        try:
            receipts = self.intake.take(tenant_id, _arrived(message))
        except EventsRefused as error:
            raise Problem(code="not_stored", detail=str(error)) from error
        texts = [receipt_text(receipt) for receipt in receipts]
        if message.media == BATCH:
            return list_bytes(texts, next_cursor=None)
        return texts[0].encode("ascii")


async def _message(request: Request) -> Message:
    """Return the request as a message; an attribute that comes twice has no meaning."""
    headers: dict[str, str] = {}
    for name, value in request.headers.items():
        if name.startswith(PREFIXES):
            if name in headers:
                raise invalid(f"{name} is given twice", pointer=f"/{name}", code="invalid_event")
            headers[name] = value
    content_type = request.headers.get("content-type", "")
    return Message(content_type=content_type, headers=headers, body=await request.body())


def _arrived(message: Message) -> Arrived:
    try:
        events = events_of(message, parse)
    except EventRefused as error:
        if error.code == "unsupported_media_type":
            raise Problem(
                code=error.code, detail=str(error), headers={"accept-post": _ACCEPTED}
            ) from None
        raise invalid(str(error), pointer=error.pointer, code=error.code) from None
    return Arrived(message=message, origin="http", events=events)
