"""POST /v1/jobs: checked, stored durably, answered at once; the hot path of the whole system."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta

from starlette.requests import Request
from starlette.responses import Response

from agent_workers.domain.ids import JobId, TenantId, time_ordered, to_wire
from agent_workers.domain.job import Submission
from agent_workers.domain.memory.session import OnBusy
from agent_workers.domain.text.encoding import canonical
from agent_workers.orchestration.requests.submit import Submit
from agent_workers.state.access.keys import Caller
from agent_workers.state.jobs.reads import JobSeen
from agent_workers.state.jobs.submissions import Accepted, Admission, Asked, Pace
from api.http.asked import JobRequest, passed_of, spec_members, validated
from api.http.idempotency import fingerprint_of
from api.http.json_text import dumped, rfc3339
from api.http.queries import idempotency_key_of, preferred_wait
from api.http.reading import read_json
from api.http.replies import REPLAYED, JsonReply, caller_of
from api.http.route import Header, Reply, Room, Route
from api.jobs.agents_asked import taking_jobs
from api.jobs.text import JobReply, job_bytes
from api.jobs.views import JobViews, job_headers
from api.problems import Problem, invalid
from api.process.cached import Cached
from api.process.funnel import Funnel
from api.process.threads import Threads
from api.webhooks.bodies import check_url

_AT = Room("/v1/jobs", writes="jobs:submit")
_MOST_METADATA = 16
_LINKS = ("getJob", "listSteps", "getTrace", "cancelJob", "pauseJob", "resumeJob")
_PROBLEMS = (
    "job_not_found",
    "session_busy",
    "session_of_another",
    "unknown_agent",
    "agent_retired",
    "quota_reached",
    "budget_exceeded",
    "not_stored",
)
_ENDED = Reply(model=JobReply, description="Accepted, and ended within `wait`")
_STORED = Reply(model=JobReply, description="Accepted and stored", links=("job_id", _LINKS))
_PREFER = Header(
    name="Prefer",
    description="`wait=N`: wait up to N seconds (at most 30) for the job's end.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitting:
    """The route and what it needs."""

    funnel: Funnel[Asked, datetime]
    submit: Submit
    agents: Cached[tuple[TenantId, str], Pace]
    # The known agent whose name is most like one that is unknown.
    nearest: Callable[[TenantId, str], str]
    views: JobViews
    threads: Threads
    allow_private_callbacks: bool = False
    session_ttl: timedelta = timedelta(hours=1)

    @Route(
        _AT,
        "POST",
        "submitJob",
        {200: _ENDED, 202: _STORED},
        _PROBLEMS,
        body=JobRequest,
        headers=(_PREFER,),
        key="gives the same job",
    )
    async def submit_job(self, request: Request) -> Response:
        """Take a job: 202 when it is stored, 200 when it also ended within `Prefer: wait`."""
        body = await read_json(request)
        asked = validated(JobRequest, body)
        caller = caller_of(request)
        pace = await self._pace(caller.tenant_id, asked.agent)
        if asked.parent_job_id is not None:
            await self._check_parent(caller.tenant_id, asked.parent_job_id)
        if asked.callback_url is not None:
            check_url(
                asked.callback_url,
                pointer="/callback_url",
                allow_private=self.allow_private_callbacks,
            )
        submission = _submission(asked, caller.tenant_id, _request_id(request), self.session_ttl)
        key = idempotency_key_of(request)
        await self._check_times(asked, caller.tenant_id, key)
        if key is None and not submission.max_cost_micro and not submission.session_id:
            # Only what neither waits for others nor is refused for what they do is stored together.
            created_at = await self.funnel.ask((submission, pace))
            seen = _seen(submission, created_at, agent_version=pace.version)
            headers = job_headers(seen)
        else:
            seen, headers = await self._once(submission, pace, key, body)
        return await self._reply(request, caller, seen, headers)

    async def _pace(self, tenant_id: TenantId, agent: str) -> Pace:
        place = (tenant_id, agent)
        pace = self.agents.fresh(place) or await self.agents.get(place)
        near = await self.threads.run(self.nearest, *place) if pace is None else ""
        return taking_jobs(pace, agent, pointer="/agent", nearest=near)

    async def _check_parent(self, tenant_id: TenantId, parent_id: JobId) -> None:
        if await self.views.read((tenant_id, parent_id)) is None:
            raise invalid("There is no such job.", pointer="/parent_job_id")

    async def _check_times(self, asked: JobRequest, tenant_id: TenantId, key: str | None) -> None:
        """Refuse times that have passed, unless the key's job was stored while they were ahead."""
        late = passed_of(asked, datetime.now(UTC))
        if late is None:
            return
        if key is None or not await self.threads.run(self.submit.knows, tenant_id, key):
            raise late

    async def _once(
        self, submission: Submission, pace: Pace, key: str | None, body: object
    ) -> tuple[JobSeen, list[tuple[bytes, bytes]]]:
        fingerprint = fingerprint_of("POST /v1/jobs", canonical(body))
        admission = await self.threads.run(
            self.submit.once, (submission, pace), key=key, fingerprint=fingerprint
        )
        seen = await self.views.read((submission.tenant_id, admission.job_id))
        if seen is None:
            raise Problem(
                code="job_not_found", detail="The job of this idempotency key was deleted."
            )
        return seen, job_headers(seen) + _key_headers(admission)

    async def _reply(
        self, request: Request, caller: Caller, seen: JobSeen, headers: list[tuple[bytes, bytes]]
    ) -> Response:
        location = f"/v1/jobs/{to_wire(seen.job_id)}".encode("ascii")
        wait_s = preferred_wait(request)
        if wait_s is None:
            status = 202
        else:
            place = (caller.tenant_id, seen.job_id)
            seen = await self.views.until_finished(place, wait_s=wait_s) or seen
            status = 200 if seen.finished else 202
            kept = [pair for pair in headers if pair[0].startswith(b"idempotency")]
            applied = (b"preference-applied", f"wait={wait_s}".encode("ascii"))
            headers = [*job_headers(seen), *kept, applied]
        headers.append((b"location", location))
        return JsonReply(job_bytes(seen), status=status, headers=headers)


def _request_id(request: Request) -> str | None:
    return request.scope["request_id"] if request.scope["given_request_id"] else None


def _submission(
    asked: JobRequest, tenant_id: TenantId, request_id: str | None, session_ttl: timedelta
) -> Submission:
    members = spec_members(asked)
    metadata = asked.metadata or {}
    # The trace names the caller's own request; what it says itself goes first.
    if request_id and "request_id" not in metadata and len(metadata) < _MOST_METADATA:
        members["metadata"] = metadata | {"request_id": request_id}
    return Submission(
        **members,
        tenant_id=tenant_id,
        job_id=JobId(time_ordered(time.time_ns() // 1_000_000, secrets.token_bytes(10))),
        run_at=asked.run_at,
        delay=None if asked.delay is None else timedelta(seconds=asked.delay),
        parent_id=asked.parent_job_id,
        on_busy=OnBusy(asked.on_busy or "queue") if asked.session_id else None,
        session_ttl=session_ttl if asked.session_id else None,
    )


# What a new job's row shows as it was asked for.
_AS_ASKED = ({one.name for one in fields(JobSeen)} & {one.name for one in fields(Submission)}) - {
    "metadata"
}


def _seen(submission: Submission, created_at: datetime, *, agent_version: str) -> JobSeen:
    """Return the row as it was just written, without reading it again."""
    deadline = submission.deadline
    return JobSeen(
        **{name: getattr(submission, name) for name in _AS_ASKED},
        agent_version=agent_version,
        metadata=dumped(submission.metadata).decode("ascii") if submission.metadata else "{}",
        allowance_micro=submission.max_cost_micro,
        created_at=created_at,
        deadline_at=None if deadline is None else created_at + deadline,
    )


def _key_headers(admission: Admission) -> list[tuple[bytes, bytes]]:
    headers = []
    if admission.how is Accepted.REPLAYED:
        headers.append(REPLAYED)
    if admission.key_expires_at is not None:
        expires = rfc3339(admission.key_expires_at).encode("ascii")
        headers.append((b"idempotency-key-expires-at", expires))
    return headers
