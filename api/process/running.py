"""What begins and ends with the server: connections, threads and everybody who waits."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from fastapi import FastAPI

from agent_workers.orchestration.requests.submit import Submit
from agent_workers.state.access.keys import Caller, Keys
from agent_workers.state.database.engine import Database
from agent_workers.state.jobs.reads import JobSeen, Place, Reads
from agent_workers.state.jobs.submissions import Asked, Submissions
from agent_workers.transport.doorbells.nudge import Nudge
from agent_workers.transport.shared.model_deltas_heard import DeltaListener
from agent_workers.transport.shared.wake import WakeListener, Wakeups
from api.process.carriers import Carriers
from api.process.funnel import Funnel
from api.process.threads import Threads
from api.process.waiting import Waiting, WaitingRoom

# Two funnels hold one connection each; the rest is for what tenants ask for.
_FUNNELS = 2
_MOST_THREADS = 16
_CHECKS = 3
# What belongs to no tenant has connections of its own: keys, the look at jobs waited for, health.
_OWN_CONNECTIONS = 2 + _CHECKS
# A little less than whoever asked waits, so that no funnel is stopped by one statement.
API_STATEMENT_S = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    database: Database
    own_database: Database
    carriers: Carriers
    submissions: Funnel[Asked, datetime]
    views: Funnel[Place, JobSeen | None]
    keys: Funnel[str, Caller | None]
    waiting: Waiting
    deltas: DeltaListener
    threads: Threads
    own_threads: Threads
    health_threads: Threads
    reads: Reads
    submit: Submit

    @asynccontextmanager
    async def lifespan(self, _: FastAPI) -> AsyncIterator[None]:
        self.submissions.start()
        self.views.start()
        self.keys.start()
        await self.waiting.start()
        await self.deltas.start()
        try:
            yield
        finally:
            await self.waiting.close()
            await self.deltas.close()
            self.submissions.close()
            self.views.close()
            self.keys.close()
            self.threads.close()
            self.own_threads.close()
            self.health_threads.close()
            self.carriers.close()
            self.database.close()
            self.own_database.close()


def prepared(
    database: Database,
    broker_url: str,
    redis_url: str | None,
    *,
    pepper: str,
    pool_size: int,
    room: WaitingRoom,
) -> Running:
    """Put the parts together; nothing connects to anything before the server starts."""
    own_database = Database(
        database.url, pool_size=_OWN_CONNECTIONS, name="api own", statement_s=API_STATEMENT_S
    )
    carriers = Carriers(nudge=Nudge(broker_url), wakeups=Wakeups(redis_url))
    reads, submit = Reads(database), Submit(Submissions(database), ring=carriers.ring)
    own_reads, own_threads = Reads(own_database), Threads(1)

    async def versions(places: Sequence[Place]) -> dict[Place, int]:
        return await own_threads.run(own_reads.versions, places)

    return Running(
        database=database,
        own_database=own_database,
        carriers=carriers,
        submissions=Funnel(submit.many, name="submissions"),
        views=Funnel(reads.jobs, name="views"),
        keys=Funnel(Keys(own_database, pepper=pepper).callers, name="keys"),
        waiting=Waiting(WakeListener(redis_url), versions, room=room),
        deltas=DeltaListener(redis_url, pepper=pepper),
        threads=Threads(max(1, min(_MOST_THREADS, pool_size - _FUNNELS))),
        own_threads=own_threads,
        health_threads=Threads(_CHECKS),
        reads=reads,
        submit=submit,
    )
