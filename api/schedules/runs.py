"""What a schedule did and will do: its runs, its next times, and runs out of turn."""

import hashlib
from dataclasses import dataclass
from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from agent_workers.orchestration.requests.schedules import ScheduleControl
from agent_workers.state.schedules.calls import Place, Schedules
from agent_workers.state.schedules.runs import RunSeen, RunStatus, ScheduleRuns
from api.http.asked import validated
from api.http.cursors import Cursors
from api.http.json_text import dumped, rfc3339
from api.http.listing import listed, whole_list
from api.http.queries import checked_query, idempotency_key_of, whole_number
from api.http.reading import read_json, read_optional
from api.http.replies import NO_STORE, JsonReply
from api.problems import invalid
from api.process.threads import Threads
from api.schedules.bodies import BackfillAsked, TriggerAsked
from api.schedules.routes import place_of, telling_where, tenant_and_schedule
from api.schedules.text import run_text

_STATUSES = [status.value for status in RunStatus]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleRunRoutes:
    control: ScheduleControl
    schedules: Schedules
    runs: ScheduleRuns
    cursors: Cursors
    threads: Threads

    async def show_all(self, request: Request) -> Response:
        """Runs, the latest tick first."""
        place = tenant_and_schedule(request)
        members = checked_query(request, ("limit", "cursor", "status"))
        limit = whole_number(members, "limit", least=1, most=100, default=20)
        status, cursor = _status(members), members.get("cursor")
        scope = f"{place[0]}\n{place[1]}\n{status}"
        before = None if cursor is None else self.cursors.read(cursor, scope=scope)[0]
        await self.threads.run(self.schedules.one, place)

        def tick(run: RunSeen) -> str:
            return self.cursors.written(run.fire_at, place[1], scope=scope)

        read = partial(self.runs.page, place, limit=limit, status=status, before=before)
        return await listed(self.threads, read, text=run_text, cursor=tick)

    async def trigger(self, request: Request) -> Response:
        """Run it now: 202 with the run, which its overlap policy may skip."""
        place = place_of(request)
        asked = await read_optional(request, TriggerAsked)
        told = f"POST /v1/schedules/{place[1]}/trigger\n{asked.overlap}"
        trigger = partial(
            self.control.trigger,
            key=idempotency_key_of(request),
            fingerprint=hashlib.sha256(told.encode()).digest(),
        )
        made = await self.threads.run(trigger, place, asked.overlap)
        run = await self.threads.run(self.runs.one, place, made.fire_at)
        assert run is not None
        replayed = [] if made.fired else [(b"idempotency-replayed", b"true")]
        body = run_text(run).encode("utf-8")
        return JsonReply(body, status=202, headers=[NO_STORE, *replayed])

    async def preview(self, request: Request) -> Response:
        """When it fires next."""
        place: Place = tenant_and_schedule(request)
        members = checked_query(request, ("n",))
        count = whole_number(members, "n", least=1, most=100, default=5)
        ticks = await self.threads.run(self.control.preview, place, count)
        return whole_list(f'"{rfc3339(tick)}"' for tick in ticks)

    async def backfill(self, request: Request) -> Response:
        """Run the ticks of a time gone by that have not run; beats start them within a second."""
        place = place_of(request)
        asked = validated(BackfillAsked, await read_json(request))
        if asked.end < asked.begin:
            raise invalid("must not be before begin", pointer="/end")
        with telling_where():
            count = await self.threads.run(self.control.backfill, place, asked.begin, asked.end)
        told = {"object": "schedule.backfill", "runs": count}
        return JsonReply(dumped(told), status=202, headers=[NO_STORE])


def _status(members: dict[str, str]) -> RunStatus | None:
    status = members.get("status")
    if status is not None and status not in _STATUSES:
        raise invalid(f"status must be one of {', '.join(_STATUSES)}", pointer="/status")
    return None if status is None else RunStatus(status)
