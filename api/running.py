"""What begins and ends with the server: connections, threads and everybody who waits."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from fastapi import FastAPI

from agent_workers.orchestration.submit import Submit
from agent_workers.state.engine import Database
from agent_workers.state.reads import JobSeen, Place, Reads
from agent_workers.state.submissions import Asked, Submissions
from agent_workers.transport.model_deltas_heard import DeltaListener
from agent_workers.transport.nudge import Nudge
from agent_workers.transport.wake import WakeListener, Wakeups
from api.carriers import Carriers
from api.funnel import Funnel
from api.threads import Threads
from api.waiting import Waiting, WaitingRoom

# Two funnels hold one connection each; the rest is for everything else.
_FUNNELS = 2
_MOST_THREADS = 16
_CHECKS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    database: Database
    carriers: Carriers
    submissions: Funnel[Asked, datetime]
    views: Funnel[Place, JobSeen | None]
    waiting: Waiting
    deltas: DeltaListener
    threads: Threads
    health_threads: Threads
    reads: Reads
    submit: Submit

    @asynccontextmanager
    async def lifespan(self, _: FastAPI) -> AsyncIterator[None]:
        self.submissions.start()
        self.views.start()
        await self.waiting.start()
        await self.deltas.start()
        try:
            yield
        finally:
            await self.waiting.close()
            await self.deltas.close()
            self.submissions.close()
            self.views.close()
            self.threads.close()
            self.health_threads.close()
            self.carriers.close()
            self.database.close()


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
    carriers = Carriers(nudge=Nudge(broker_url), wakeups=Wakeups(redis_url))
    reads, submit = Reads(database), Submit(Submissions(database), ring=carriers.ring)
    threads = Threads(max(1, min(_MOST_THREADS, pool_size - _FUNNELS)))

    async def versions(places: Sequence[Place]) -> dict[Place, int]:
        return await threads.run(reads.versions, places)

    return Running(
        database=database,
        carriers=carriers,
        submissions=Funnel(submit.many, name="submissions"),
        views=Funnel(reads.jobs, name="views"),
        waiting=Waiting(WakeListener(redis_url), versions, room=room),
        deltas=DeltaListener(redis_url, pepper=pepper),
        threads=threads,
        health_threads=Threads(_CHECKS),
        reads=reads,
        submit=submit,
    )
