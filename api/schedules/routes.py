"""/v1/schedules: when jobs and batches start by themselves."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from agent_workers.domain.ids import TenantId
from agent_workers.domain.schedules.cron import BadSchedule
from agent_workers.domain.schedules.schedule import (
    ScheduleNotFound,
    ScheduleStatus,
    schedule_from_wire,
    schedule_to_wire,
)
from agent_workers.domain.schedules.target import Target
from agent_workers.domain.schedules.terms import ScheduleTerms
from agent_workers.domain.text.encoding import canonical
from agent_workers.orchestration.requests.schedules import ScheduleControl
from agent_workers.state.catalogue.agents import Agents
from agent_workers.state.schedules.calls import Place, Schedules
from agent_workers.state.schedules.rows import ScheduleSeen
from api.http.asked import NothingAsked, validated
from api.http.cursors import Cursors
from api.http.listing import listed
from api.http.queries import checked_query, idempotency_key_of, whole_number
from api.http.reading import read_json, read_optional
from api.http.replies import NO_STORE, EmptyReply, JsonReply, caller_of
from api.jobs.agents_asked import taking_jobs
from api.problems import Problem, invalid
from api.process.threads import Threads
from api.schedules.bodies import (
    ScheduleAsked,
    ScheduleChangeAsked,
    agents_of,
    changed_terms,
    terms_asked,
)
from api.schedules.text import schedule_text

_STATUSES = [status.value for status in ScheduleStatus]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleRoutes:
    control: ScheduleControl
    schedules: Schedules
    agents: Agents
    cursors: Cursors
    threads: Threads

    async def create(self, request: Request) -> Response:
        body = await read_json(request)
        terms = terms_asked(validated(ScheduleAsked, body))
        tenant_id = caller_of(request).tenant_id
        await self._check_agents(tenant_id, terms.target)
        fingerprint = hashlib.sha256(b"POST /v1/schedules\n" + canonical(body)).digest()
        create = partial(
            self.control.create, key=idempotency_key_of(request), fingerprint=fingerprint
        )
        with telling_where():
            made = await self.threads.run(create, tenant_id, terms)
        wire = schedule_to_wire(made.schedule.schedule_id)
        headers = [(b"location", f"/v1/schedules/{wire}".encode("ascii"))]
        if made.replayed:
            headers.append((b"idempotency-replayed", b"true"))
        return _reply(made.schedule, status=201, headers=headers)

    async def show_all(self, request: Request) -> Response:
        """Schedules, the newest first."""
        tenant_id = caller_of(request).tenant_id
        members = checked_query(request, ("limit", "cursor", "status"))
        limit = whole_number(members, "limit", least=1, most=100, default=20)
        status, cursor = members.get("status"), members.get("cursor")
        if status is not None and status not in _STATUSES:
            raise invalid(f"status must be one of {', '.join(_STATUSES)}", pointer="/status")
        scope = f"{tenant_id}\n{status}"
        behind = None if cursor is None else self.cursors.read(cursor, scope=scope)

        def place(one: ScheduleSeen) -> str:
            return self.cursors.written(one.created_at, one.schedule_id, scope=scope)

        read = partial(self.schedules.page, tenant_id, limit=limit, status=status, behind=behind)
        return await listed(self.threads, read, text=schedule_text, cursor=place)

    async def show(self, request: Request) -> Response:
        return _reply(await self.threads.run(self.schedules.one, place_of(request)))

    async def change(self, request: Request) -> Response:
        """Change what is said, and nothing else; the next beat knows, within a second."""
        place = place_of(request)
        asked = validated(ScheduleChangeAsked, await read_json(request))

        def edit(terms: ScheduleTerms) -> ScheduleTerms:
            return changed_terms(terms, asked)

        if asked.target is not None:
            before = await self.threads.run(self.schedules.one, place)
            await self._check_agents(place[0], edit(before.terms).target)
        with telling_where():
            return _reply(await self.threads.run(self.control.change, place, edit))

    async def delete(self, request: Request) -> Response:
        """Forget a schedule with its runs; jobs that it started go on."""
        await self.threads.run(self.control.delete, place_of(request))
        return EmptyReply(204)

    async def pause(self, request: Request) -> Response:
        place = place_of(request)
        await read_optional(request, NothingAsked)
        return _reply(await self.threads.run(self.control.pause, place))

    async def resume(self, request: Request) -> Response:
        place = place_of(request)
        await read_optional(request, NothingAsked)
        return _reply(await self.threads.run(self.control.resume, place))

    async def _check_agents(self, tenant_id: TenantId, target: Target) -> None:
        for agent, pointer in agents_of(target).items():
            pace = await self.threads.run(self.agents.known, tenant_id, agent)
            taking_jobs(pace, agent, pointer=pointer)


@contextmanager
def telling_where() -> Iterator[None]:
    """Turn what makes no sense about a schedule into a mistake with its place."""
    try:
        yield
    except BadSchedule as error:
        raise invalid(str(error), pointer=f"/{error.field}") from None


def place_of(request: Request) -> Place:
    checked_query(request, ())
    return tenant_and_schedule(request)


def tenant_and_schedule(request: Request) -> Place:
    schedule_id: UUID | None = schedule_from_wire(request.path_params["schedule_id"])
    if schedule_id is None:
        raise Problem(code=ScheduleNotFound.code, detail="There is no such schedule.")
    return caller_of(request).tenant_id, schedule_id


def _reply(
    schedule: ScheduleSeen, *, status: int = 200, headers: list[tuple[bytes, bytes]] | None = None
) -> Response:
    etag = (b"etag", f'"{schedule.version}"'.encode("ascii"))
    body = schedule_text(schedule).encode("utf-8")
    return JsonReply(body, status=status, headers=[etag, NO_STORE, *(headers or [])])
