"""POST /v1/events: takes CloudEvents 1.0 in any of their three modes, and starts their jobs."""

import json
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from agent_workers.domain.ids import TenantId, to_wire
from agent_workers.domain.text.strict_json import parse
from agent_workers.domain.triggers.event import EventRefused
from agent_workers.domain.triggers.message import BATCH, ONE, PREFIXES, Message, events_of
from agent_workers.domain.triggers.trigger import TRIGGER, wire_form
from agent_workers.orchestration.triggers.arriving import Arrived
from agent_workers.orchestration.triggers.intake import Intake, Receipt
from agent_workers.state.triggers.intake import EventsRefused
from api.http.json_text import list_bytes, text
from api.http.queries import checked_query
from api.http.replies import NO_STORE, JsonReply, caller_of
from api.problems import Problem, invalid
from api.process.threads import Threads

_ACCEPTED = f"{ONE}, {BATCH}"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventIntake:
    intake: Intake
    threads: Threads

    async def take(self, request: Request) -> Response:
        """Take one event or a batch: stored in one transaction, or refused as a whole."""
        checked_query(request, ())
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


def receipt_text(receipt: Receipt) -> str:
    """Write what became of one event."""
    jobs = ",".join(
        f'{{"trigger_id":"{wire_form(TRIGGER, one.trigger.trigger_id)}",'
        f'"trigger":{text(one.trigger.name)},"job_id":"{to_wire(one.job_id)}",'
        f'"replayed":{json.dumps(one.replayed)}}}'
        for one in receipt.started
    )
    mistakes = ",".join(
        f'{{"trigger":{text(name)},"detail":{text(detail)}}}'
        for name, detail in receipt.mistakes.items()
    )
    event = receipt.event
    return (
        f'{{"object":"event_receipt","id":{text(event.id)},"source":{text(event.source)},'
        f'"type":{text(event.type)},"jobs":[{jobs}],"mistakes":[{mistakes}],'
        f'"more_mistakes":{receipt.more_mistakes}}}'
    )
