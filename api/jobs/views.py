"""Looks at jobs: at once, until they end, or until anything about them changes."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from agent_workers.state.jobs.reads import JobSeen, Place
from api.http.replies import NO_STORE
from api.process.funnel import Funnel
from api.process.waiting import Waiting

# How long to leave a job alone before asking again, by its age in seconds.
_PATIENCE = ((5, b"1"), (30, b"2"), (120, b"5"))
_LONGEST = b"10"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobViews:
    funnel: Funnel[Place, JobSeen | None]
    waiting: Waiting

    async def read(self, place: Place) -> JobSeen | None:
        """Read a job together with whoever else reads one now."""
        return await self.funnel.ask(place)

    async def until_finished(self, place: Place, *, wait_s: float) -> JobSeen | None:
        return await self._until(place, lambda job: job.finished, wait_s=wait_s)

    async def until_changed(self, place: Place, *, version: int, wait_s: float) -> JobSeen | None:
        return await self._until(place, lambda job: job.version != version, wait_s=wait_s)

    async def _until(
        self, place: Place, enough: Callable[[JobSeen], bool], *, wait_s: float
    ) -> JobSeen | None:
        """Return the job as soon as it is enough, or as it is when the time is over."""
        clock = asyncio.get_running_loop().time
        end = clock() + wait_s
        if not self.waiting.has_room(place[0]):
            return await self.read(place)
        with self.waiting.waiter(place) as waiter:
            while True:
                job = await self.read(place)
                if job is None or enough(job) or self.waiting.closing:
                    return job
                waiter.version = job.version
                left = end - clock()
                if left <= 0:
                    return job
                await waiter.wait(left)


def job_headers(job: JobSeen) -> list[tuple[bytes, bytes]]:
    """Return the version, and for a live job when to ask again."""
    headers = [(b"etag", f'"{job.version}"'.encode("ascii")), NO_STORE]
    if not job.finished:
        headers.append((b"retry-after", retry_after(job.created_at, datetime.now(UTC))))
    return headers


def retry_after(created_at: datetime, now: datetime) -> bytes:
    age_s = (now - created_at).total_seconds()
    return next((patience for limit, patience in _PATIENCE if age_s < limit), _LONGEST)
