"""Puts the routes of schedules together."""

from collections.abc import Iterator

from agent_workers.orchestration.requests.schedules import ScheduleControl
from agent_workers.state.catalogue.agents import Agents
from agent_workers.state.schedules.calls import Schedules
from agent_workers.state.schedules.firing_now import ScheduleTriggers
from agent_workers.state.schedules.runs import ScheduleRuns
from api.http.cursors import Cursors
from api.http.paging import Pages
from api.process.running import Running
from api.schedules.routes import ScheduleRoutes
from api.schedules.runs import ScheduleRunRoutes


def schedule_parts(running: Running, pepper: str) -> Iterator[object]:
    database, threads = running.database, running.threads
    schedules, runs = Schedules(database), ScheduleRuns(database)
    control = ScheduleControl(
        schedules, runs, ScheduleTriggers(database), ring=running.carriers.ring
    )
    yield ScheduleRoutes(
        control=control,
        schedules=schedules,
        agents=Agents(database),
        pages=Pages(cursors=Cursors(pepper, listing="schedules"), threads=threads),
        threads=threads,
    )
    yield ScheduleRunRoutes(
        control=control,
        schedules=schedules,
        runs=runs,
        pages=Pages(cursors=Cursors(pepper, listing="schedule_runs"), threads=threads),
        threads=threads,
    )
