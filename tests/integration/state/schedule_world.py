"""Schedules of one tenant for tests: made, fired at any time, and read back in short words."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from agent_workers.domain.claim import Due
from agent_workers.domain.ids import SCHEDULE_ID, JobId
from agent_workers.domain.schedules.schedule import ScheduleType, next_fire
from agent_workers.domain.schedules.target import JobTarget
from agent_workers.domain.schedules.terms import ScheduleTerms, timing_of
from agent_workers.orchestration.requests.schedules import Firing
from agent_workers.state.catalogue.agents import Agents, Registered
from agent_workers.state.schedules.calls import Schedules
from agent_workers.state.schedules.firing import ScheduleFiring
from agent_workers.state.schedules.rows import ScheduleSeen
from tests.integration.state.world import World

HOUR = timedelta(hours=1)
# Behind everything that other tests of the same database might make.
START = datetime(2031, 3, 3, tzinfo=UTC)
TARGET = JobTarget(agent="demo", input=b'"hello"')


@dataclass(frozen=True)
class Clockwork:
    world: World

    @property
    def schedules(self) -> Schedules:
        return Schedules(self.world.database)

    @property
    def firing(self) -> ScheduleFiring:
        return ScheduleFiring(self.world.database)

    def fire(self, at: datetime) -> int:
        return Firing(self.firing, ring=unheard).fire_all(now=at)

    def make(self, *, since: datetime = START, **terms: Any) -> ScheduleSeen:
        """Make a schedule that is due hourly, if nothing else is said, from `since` on."""
        Agents(self.world.database).register(
            [Registered(name="demo", version="1", plan_timeout_ms=60_000)]
        )
        if not {"type", "expression"} & set(terms):
            terms["expression"] = "0 * * * *"
        asked = ScheduleTerms(**{"type": ScheduleType.CRON, "target": TARGET, **terms})
        due = next_fire(timing_of(asked), since - timedelta(seconds=1))
        place = (self.world.tenant, uuid4())
        made = self.schedules.create(place, asked, next_fire_at=due, key=None, fingerprint=b"")
        return made.schedule

    def read(self, schedule: ScheduleSeen) -> ScheduleSeen:
        return self.schedules.one((schedule.tenant_id, schedule.schedule_id))

    def runs(self, schedule: ScheduleSeen) -> list[tuple[int, str, str | None]]:
        """Hours since START, state and reason of each run."""
        sql = (
            "select fire_at, state, reason from schedule_runs"
            " where tenant_id = %s and schedule_id = %s order by fire_at"
        )
        with self.world.database.connection() as connection:
            place = (schedule.tenant_id, schedule.schedule_id)
            rows = connection.execute(sql.encode(), place).fetchall()
        return [((at - START) // HOUR, state, reason) for at, state, reason in rows]

    def jobs(self, schedule: ScheduleSeen) -> list[tuple[JobId, str, int]]:
        """Each job with its status and the hour that it is for."""
        sql = (
            "select job_id, status, metadata->>'scheduled_at' from jobs where tenant_id = %s"
            " and metadata->>'schedule_id' = %s order by metadata->>'scheduled_at'"
        )
        with self.world.database.connection() as connection:
            values = (schedule.tenant_id, SCHEDULE_ID.written(schedule.schedule_id))
            rows = connection.execute(sql.encode(), values).fetchall()
        return [
            (job, status, (datetime.fromisoformat(at) - START) // HOUR) for job, status, at in rows
        ]

    def hours(self, schedule: ScheduleSeen) -> list[int]:
        return [hour for _, _, hour in self.jobs(schedule)]

    def end(self, job: JobId) -> None:
        assert self.world.cancel(job) == "canceled"

    def forget_all(self) -> None:
        """Leave no schedule behind that another test would fire."""
        self.world.one("delete from schedules")


def unheard(due: Sequence[Due], *, parent: str | None) -> None:
    """Ring where nobody listens."""
