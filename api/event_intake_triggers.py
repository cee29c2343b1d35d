"""/v1/triggers: which events start which jobs."""

from dataclasses import dataclass
from functools import partial
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from agent_workers.domain.ids import TenantId
from agent_workers.domain.trigger import TRIGGER, Trigger, from_wire_form
from agent_workers.state.agents import Agents
from agent_workers.state.triggers import Triggers
from api.bodies import read_json
from api.cursors import Cursors
from api.event_intake_asked import trigger_asked, trigger_changed, trigger_text
from api.listing import listed
from api.problems import Problem, invalid
from api.queries import checked_query, whole_number
from api.replies import NO_STORE, EmptyReply, JsonReply, caller_of
from api.threads import Threads

_MOST_RACES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerRoutes:
    triggers: Triggers
    agents: Agents
    cursors: Cursors
    threads: Threads

    async def create(self, request: Request) -> Response:
        """Make a trigger; a second one of the same name is refused."""
        tenant_id = caller_of(request).tenant_id
        checked_query(request, ())
        trigger = trigger_asked(await read_json(request))
        await self._check_agent(tenant_id, trigger.agent)
        made = await self.threads.run(self.triggers.create, tenant_id, trigger)
        return JsonReply(trigger_text(made).encode("ascii"), status=201, headers=[NO_STORE])

    async def show_all(self, request: Request) -> Response:
        """A tenant's triggers, the newest first."""
        tenant_id = caller_of(request).tenant_id
        members = checked_query(request, ("limit", "cursor"))
        limit = whole_number(members, "limit", least=1, most=100, default=20)
        cursor = members.get("cursor")
        behind = None if cursor is None else self.cursors.read(cursor, scope=tenant_id)

        def place(trigger: Trigger) -> str:
            assert trigger.created_at is not None  # a row has one
            return self.cursors.written(trigger.created_at, trigger.trigger_id, scope=tenant_id)

        read = partial(self.triggers.page, tenant_id, limit=limit, behind=behind)
        return await listed(self.threads, read, text=trigger_text, cursor=place)

    async def show(self, request: Request) -> Response:
        checked_query(request, ())
        trigger = await self._read(caller_of(request).tenant_id, _trigger_id(request))
        return JsonReply(trigger_text(trigger).encode("ascii"), headers=[NO_STORE])

    async def change(self, request: Request) -> Response:
        """Change what the body names; the next event is matched with what is then there."""
        tenant_id, trigger_id = caller_of(request).tenant_id, _trigger_id(request)
        checked_query(request, ())
        body = await read_json(request)
        for _ in range(_MOST_RACES):
            wanted = trigger_changed(await self._read(tenant_id, trigger_id), body)
            await self._check_agent(tenant_id, wanted.agent)
            changed = await self.threads.run(self.triggers.change, tenant_id, wanted)
            if changed is not None:
                return JsonReply(trigger_text(changed).encode("ascii"), headers=[NO_STORE])
        raise Problem(code="illegal_move", detail="Somebody else keeps changing this trigger.")

    async def delete(self, request: Request) -> Response:
        tenant_id, trigger_id = caller_of(request).tenant_id, _trigger_id(request)
        checked_query(request, ())
        if not await self.threads.run(self.triggers.delete, tenant_id, trigger_id):
            raise _no_such_trigger()
        return EmptyReply(204, headers=[NO_STORE])

    async def _read(self, tenant_id: TenantId, trigger_id: UUID) -> Trigger:
        trigger = await self.threads.run(self.triggers.one, tenant_id, trigger_id)
        if trigger is None:
            raise _no_such_trigger()
        return trigger

    async def _check_agent(self, tenant_id: TenantId, agent: str) -> None:
        if await self.threads.run(self.agents.known, tenant_id, agent) is None:
            detail = f"No worker has registered an agent {agent!r}."
            raise invalid(detail, pointer="/agent", code="unknown_agent")


def _trigger_id(request: Request) -> UUID:
    trigger_id = from_wire_form(TRIGGER, request.path_params["trigger_id"])
    if trigger_id is None:
        raise _no_such_trigger()
    return trigger_id


def _no_such_trigger() -> Problem:
    return Problem(code="trigger_not_found", detail="There is no such trigger.")
