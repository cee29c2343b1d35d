"""POST …/events and …/input: what is sent to a job, and what a person answers to its questions."""

import hashlib
import secrets
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from agent_workers.domain.agents.engine_calls import LONGEST_NAME, MOST_CHOICES
from agent_workers.domain.ids import to_wire
from agent_workers.domain.mail import Letter, NotAChoice, Sent, Taken
from agent_workers.domain.text.encoding import canonical
from agent_workers.orchestration.requests.messages import Mailing
from api.http.asked import validated
from api.http.json_text import dumped, job_bytes
from api.http.queries import checked_query, idempotency_key_of, job_id_of
from api.http.reading import read_json
from api.http.replies import NO_STORE, JsonReply, caller_of
from api.jobs.routes import no_such_job
from api.jobs.views import JobViews, job_headers
from api.problems import invalid
from api.process.threads import Threads

_Name = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)]


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class EventAsked(_Asked):
    name: _Name
    # Any: what is sent is JSON of the sender's shape.
    data: Any = None


class InputAsked(_Asked):
    # Any: an answer is JSON of whatever shape the question wants.
    responses: Annotated[dict[_Name, Any], Field(min_length=1, max_length=MOST_CHOICES)]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobMail:
    mailing: Mailing
    views: JobViews
    threads: Threads

    async def send(self, request: Request) -> Response:
        """Send a job an event: it is kept until the job waits for it."""
        checked_query(request, ())
        tenant_id, job_id = caller_of(request).tenant_id, job_id_of(request)
        body = await read_json(request)
        asked = validated(EventAsked, body)
        key = idempotency_key_of(request)
        route = f"POST /v1/jobs/{job_id.hex}/events\n".encode("ascii")
        fingerprint = hashlib.sha256(route + canonical(body)).digest()
        letter = Letter(
            tenant_id=tenant_id,
            job_id=job_id,
            sender=f"request:{secrets.token_hex(16) if key is None else fingerprint.hex() + key}",
            name=asked.name,
            data=dumped(asked.data),
        )
        sent = await self.threads.run(self.mailing.send, letter, key=key, fingerprint=fingerprint)
        replayed = [(b"idempotency-replayed", b"true")] if sent.how is Taken.REPLAYED else []
        return JsonReply(_shown(letter, sent), status=202, headers=[NO_STORE, *replayed])

    async def answer(self, request: Request) -> Response:
        """Answer questions that a job asks, all or none; the same answer again changes nothing."""
        checked_query(request, ())
        caller, job_id = caller_of(request), job_id_of(request)
        asked = validated(InputAsked, await read_json(request))
        answers = {key: canonical(value) for key, value in asked.responses.items()}
        by = f"key:{caller.key_id}"
        try:
            await self.threads.run(self.mailing.answer, caller.tenant_id, job_id, answers, by=by)
        except NotAChoice as error:
            key = error.key.replace("~", "~0").replace("/", "~1")
            raise invalid(str(error), pointer=f"/responses/{key}") from None
        job = await self.views.read((caller.tenant_id, job_id))
        if job is None:
            raise no_such_job()
        return JsonReply(job_bytes(job), headers=job_headers(job))


def _shown(letter: Letter, sent: Sent) -> bytes:
    return dumped(
        {
            "object": "message",
            "job_id": to_wire(letter.job_id),
            "number": sent.number,
            "name": letter.name,
            "taken": sent.taken,
        }
    )
