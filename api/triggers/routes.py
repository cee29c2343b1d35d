"""/v1/triggers: which events start which jobs."""

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from agent_workers.domain.ids import TenantId
from agent_workers.domain.triggers.trigger import Trigger
from agent_workers.state.catalogue.agents import Agents
from agent_workers.state.triggers.rows import Triggers
from api.http.paging import Pages
from api.http.paths import id_of
from api.http.queries import PageQuery, no_query, query_of
from api.http.reading import read_json
from api.http.replies import NO_STORE, EmptyReply, JsonReply, caller_of
from api.http.route import Room, Route
from api.jobs.agents_asked import taking_jobs
from api.problems import Problem, missing
from api.process.threads import Threads
from api.triggers.bodies import (
    TriggerChange,
    TriggerList,
    TriggerReply,
    TriggerRequest,
    trigger_asked,
    trigger_changed,
    trigger_text,
)

_AT = Room("/v1/triggers", reads="triggers:read", writes="triggers:write")

_MOST_RACES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerRoutes:
    triggers: Triggers
    agents: Agents
    pages: Pages
    threads: Threads

    @Route(
        _AT,
        "POST",
        "createTrigger",
        {201: TriggerReply},
        ("trigger_name_taken", "unknown_agent", "agent_retired", "quota_reached"),
        body=TriggerRequest,
    )
    async def create(self, request: Request) -> Response:
        """Make a trigger; a second one of the same name is refused."""
        tenant_id = caller_of(request).tenant_id
        no_query(request)
        body = await read_json(request)
        made = await self.threads.run(self._created, tenant_id, body)
        return JsonReply(made, status=201, headers=[NO_STORE])

    @Route(_AT, "GET", "listTriggers", {200: TriggerList}, query=PageQuery)
    async def show_all(self, request: Request) -> Response:
        """A tenant's triggers, the newest first."""
        tenant_id = caller_of(request).tenant_id

        def place(trigger: Trigger) -> tuple[datetime, UUID]:
            assert trigger.created_at is not None  # a row has one
            return trigger.created_at, trigger.trigger_id

        asked, read = query_of(request, PageQuery), partial(self.triggers.page, tenant_id)
        return await self.pages.reply(asked, read, scope=tenant_id, text=trigger_text, place=place)

    @Route(_AT, "GET /{trigger_id}", "getTrigger", {200: TriggerReply})
    async def show(self, request: Request) -> Response:
        """One trigger."""
        no_query(request)
        tenant_id, trigger_id = caller_of(request).tenant_id, id_of(request, "trigger_id")
        body = await self.threads.run(self._shown, tenant_id, trigger_id)
        return JsonReply(body, headers=[NO_STORE])

    @Route(
        _AT,
        "PATCH /{trigger_id}",
        "changeTrigger",
        {200: TriggerReply},
        ("trigger_name_taken", "unknown_agent", "agent_retired", "illegal_move", "quota_reached"),
        body=TriggerChange,
    )
    async def change(self, request: Request) -> Response:
        """Change what the body names; the next event is matched with what is then there."""
        tenant_id, trigger_id = caller_of(request).tenant_id, id_of(request, "trigger_id")
        no_query(request)
        body = await read_json(request)
        changed = await self.threads.run(self._changed, tenant_id, trigger_id, body)
        return JsonReply(changed, headers=[NO_STORE])

    @Route(_AT, "DELETE /{trigger_id}", "deleteTrigger", {204: "Deleted"})
    async def delete(self, request: Request) -> Response:
        """Delete a trigger; jobs that it started go on."""
        tenant_id, trigger_id = caller_of(request).tenant_id, id_of(request, "trigger_id")
        no_query(request)
        if not await self.threads.run(self.triggers.delete, tenant_id, trigger_id):
            raise missing("trigger_not_found")
        return EmptyReply(204, headers=[NO_STORE])

    # In a thread: conditions and templates are parsed and written, and the largest take long.
    def _created(self, tenant_id: TenantId, body: object) -> bytes:
        trigger = trigger_asked(body)
        self._check_agent(tenant_id, trigger.agent)
        return _bytes(self.triggers.create(tenant_id, trigger))

    def _changed(self, tenant_id: TenantId, trigger_id: UUID, body: object) -> bytes:
        for _ in range(_MOST_RACES):
            wanted = trigger_changed(self._read(tenant_id, trigger_id), body)
            self._check_agent(tenant_id, wanted.agent)
            changed = self.triggers.change(tenant_id, wanted)
            if changed is not None:
                return _bytes(changed)
        raise Problem(
            code="illegal_move", detail="Other requests kept changing this trigger: try again."
        )

    def _shown(self, tenant_id: TenantId, trigger_id: UUID) -> bytes:
        return _bytes(self._read(tenant_id, trigger_id))

    def _read(self, tenant_id: TenantId, trigger_id: UUID) -> Trigger:
        trigger = self.triggers.one(tenant_id, trigger_id)
        if trigger is None:
            raise missing("trigger_not_found")
        return trigger

    def _check_agent(self, tenant_id: TenantId, agent: str) -> None:
        taking_jobs(self.agents.known(tenant_id, agent), agent, pointer="/agent")


def _bytes(trigger: Trigger) -> bytes:
    return trigger_text(trigger).encode("ascii")
