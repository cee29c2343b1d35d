"""What workers say of themselves: written at their start and by beats, read by operators."""

import json
from dataclasses import asdict
from datetime import timedelta
from uuid import UUID

from psycopg.errors import UndefinedFunction, UndefinedTable

from agent_workers.domain.claim import Due
from agent_workers.domain.errors import StateUnavailable
from agent_workers.domain.step import Lane
from agent_workers.domain.wait import lacking_agent, lacking_tool
from agent_workers.domain.worker_report import Abilities, WorkerReport, WorkerSeen
from agent_workers.state.database.engine import Database
from agent_workers.state.database.pages import Row
from agent_workers.state.steps.sweeps import dues

_NAMES = (
    "report_id name host pid version lanes pool slots agents tools models secrets abilities"
).split()
_SAY = f"""
insert into worker_reports ({", ".join(_NAMES)})
values (%s, %s, %s, %s, %s, %s, %s, %s, %s::jsonb, %s, %s::jsonb, %s, %s::jsonb)
on conflict (report_id) do update set seen_at = clock_timestamp()"""
# The processes of a prefork worker beat for the same row: one of them writes.
_BEAT = """
with beaten as (
  update worker_reports set seen_at = clock_timestamp(), stopping = %(stopping)s
   where report_id = %(report_id)s
     and (seen_at < clock_timestamp() - interval '8 seconds' or stopping <> %(stopping)s))
select exists (select from worker_reports where report_id = %(report_id)s)"""
_ALL = f"""
select {", ".join(f"w.{name}" for name in _NAMES)}, w.started_at, w.seen_at,
       clock_timestamp() - w.seen_at, w.stopping, l.report_id is not null
  from worker_reports w left join living_reports() l using (report_id)
 order by w.name, w.host, w.pid"""
_WAKES_AT_ONCE = 500
_WAKE = """
select tenant_id, job_id, "position", kind, lane, high, rings from wake_for_worker(%s, %s)"""
_FORGET = "select forget_report(%s)"
_SWEEP = """
select forget_report(report_id) from worker_reports
 where seen_at < clock_timestamp() - interval '1 day'"""


class WorkerReports:
    def __init__(self, database: Database) -> None:
        self._database = database

    def say(self, report: WorkerReport) -> None:
        """Make a worker known that starts, or whose report was swept while it was frozen."""
        values = (
            *(report.report_id, report.name, report.host, report.pid, report.version),
            *([lane.value for lane in report.lanes], report.pool, report.slots),
            json.dumps({name: list(versions) for name, versions in report.agents.items()}),
            *(list(report.tools), json.dumps(dict(report.models)), list(report.secrets)),
            json.dumps(asdict(report.abilities)),
        )
        with self._database.connection() as connection:
            connection.execute(_SAY, values)

    def beat(self, report: WorkerReport, *, stopping: bool) -> None:
        """Say that a worker lives, by the clock of the database."""
        asked = {"report_id": report.report_id, "stopping": stopping}
        with self._database.connection() as connection:
            row = connection.execute(_BEAT, asked).fetchone()
        if row != (True,):
            self.say(report)

    def forget(self, report_id: UUID) -> None:
        """Take back the report of a worker that has ended."""
        with self._database.connection() as connection:
            connection.execute(_FORGET, (report_id,))

    def wake(self, report: WorkerReport) -> list[Due]:
        """Bring forward the steps that wait for what this worker has; say for which to ring."""
        keys = [lacking_agent(name) for name in report.agents]
        keys += [lacking_tool(name) for name in report.tools]
        with self._database.connection() as connection:
            return dues(connection, _WAKE, (keys, _WAKES_AT_ONCE))

    def sweep(self) -> None:
        """Forget what was reported by workers that were killed a day ago."""
        with self._database.connection() as connection:
            connection.execute(_SWEEP)

    def serving(self) -> list[WorkerSeen]:
        """Return the workers that take steps; none where the database is away, or an old one."""
        try:
            return [worker for worker in self.all() if worker.serves]
        except (StateUnavailable, UndefinedTable, UndefinedFunction):
            return []

    def all(self) -> list[WorkerSeen]:
        with self._database.connection() as connection:
            return [_seen(row) for row in connection.execute(_ALL).fetchall()]


def _seen(row: Row) -> WorkerSeen:
    said = dict(zip(_NAMES, row, strict=False))
    said["lanes"] = [Lane(lane) for lane in said["lanes"]]
    said["abilities"] = Abilities.read(said["abilities"])
    started_at, seen_at, age, stopping, alive = row[len(_NAMES) :]
    return WorkerSeen(
        report=WorkerReport(**said),
        started_at=started_at,
        seen_at=seen_at,
        age=max(age, timedelta(0)),
        stopping=stopping,
        alive=alive,
    )
