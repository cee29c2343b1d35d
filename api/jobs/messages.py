"""POST …/events and …/input: what is sent to a job, and what a person answers to its questions."""

import secrets
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response
from typing_extensions import TypedDict

from agent_workers.domain.agents.engine_calls import LONGEST_NAME, MOST_CHOICES
from agent_workers.domain.ids import to_wire
from agent_workers.domain.mail import Letter, NotAChoice, Sent, Taken
from agent_workers.domain.text.encoding import canonical
from agent_workers.orchestration.requests.messages import Mailing
from api.http.asked import validated
from api.http.idempotency import keyed
from api.http.json_text import dumped
from api.http.paths import job_id_of
from api.http.queries import no_query
from api.http.reading import read_json
from api.http.replies import NO_STORE, REPLAYED, JsonReply, caller_of
from api.http.route import Reply, Room, Route
from api.http.shapes import AnyJson, Body, Count, JobIdText
from api.jobs.text import JobReply, job_bytes
from api.jobs.views import JobViews, job_headers
from api.problems import invalid, missing
from api.process.threads import Threads

_AT = Room("/v1/jobs", writes="jobs:submit")

_Name = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)]


class EventRequest(Body):
    name: _Name
    data: AnyJson = None


class InputRequest(Body):
    responses: Annotated[
        dict[_Name, AnyJson],
        Field(
            min_length=1,
            max_length=MOST_CHOICES,
            description="An answer to each question, by its `key` in `waiting_for`.",
        ),
    ]


class MessageReply(TypedDict):
    """An event that was sent to a job; `taken` when the job has it already."""

    object: Literal["message"]
    job_id: JobIdText
    number: Count
    name: str
    taken: bool


_KEPT = Reply(model=MessageReply, description="Accepted: kept until the job takes it")


@dataclass(frozen=True, slots=True, kw_only=True)
class JobMail:
    mailing: Mailing
    views: JobViews
    threads: Threads

    @Route(
        _AT,
        "POST /{job_id}/events",
        "sendEvent",
        {202: _KEPT},
        ("illegal_move", "quota_reached"),
        body=EventRequest,
        key="sends one event",
    )
    async def send(self, request: Request) -> Response:
        """Send a job an event: it is kept until the job waits for it."""
        no_query(request)
        tenant_id, job_id = caller_of(request).tenant_id, job_id_of(request)
        body = await read_json(request)
        asked = validated(EventRequest, body)
        once = keyed(request, f"POST /v1/jobs/{job_id.hex}/events", body)
        key, fingerprint = once.key, once.fingerprint
        letter = Letter(
            tenant_id=tenant_id,
            job_id=job_id,
            sender=f"request:{secrets.token_hex(16) if key is None else fingerprint.hex() + key}",
            name=asked.name,
            data=dumped(asked.data),
        )
        sent = await self.threads.run(self.mailing.send, letter, key=key, fingerprint=fingerprint)
        replayed = [REPLAYED] if sent.how is Taken.REPLAYED else []
        return JsonReply(_shown(letter, sent), status=202, headers=[NO_STORE, *replayed])

    @Route(
        _AT,
        "POST /{job_id}/input",
        "answerJob",
        {200: JobReply},
        (
            "question_not_found",
            "already_answered",
            "illegal_move",
            "question_closed",
            "quota_reached",
        ),
        body=InputRequest,
        scope="jobs:answer",
    )
    async def answer(self, request: Request) -> Response:
        """Answer questions that a job asks, all or none; the same answer again changes nothing."""
        no_query(request)
        caller, job_id = caller_of(request), job_id_of(request)
        asked = validated(InputRequest, await read_json(request))
        answers = {key: canonical(value) for key, value in asked.responses.items()}
        by = f"key:{caller.key_id}"
        try:
            await self.threads.run(self.mailing.answer, caller.tenant_id, job_id, answers, by=by)
        except NotAChoice as error:
            key = error.key.replace("~", "~0").replace("/", "~1")
            raise invalid(str(error), pointer=f"/responses/{key}") from None
        job = await self.views.read((caller.tenant_id, job_id))
        if job is None:
            raise missing("job_not_found")
        return JsonReply(job_bytes(job), headers=job_headers(job))


def _shown(letter: Letter, sent: Sent) -> bytes:
    message: MessageReply = {
        "object": "message",
        "job_id": to_wire(letter.job_id),
        "number": sent.number,
        "name": letter.name,
        "taken": sent.taken,
    }
    return dumped(message)
