"""Puts the routes of schedules together."""

from agent_workers.orchestration.requests.schedules import ScheduleControl
from agent_workers.state.catalogue.agents import Agents
from agent_workers.state.schedules.calls import Schedules
from agent_workers.state.schedules.firing_now import ScheduleTriggers
from agent_workers.state.schedules.runs import ScheduleRuns
from api.http.cursors import Cursors
from api.process.running import Running
from api.schedules.routes import ScheduleRoutes
from api.schedules.runs import ScheduleRunRoutes


def schedule_routes(running: Running, pepper: str) -> ScheduleRoutes:
    return ScheduleRoutes(
        control=_control(running),
        schedules=Schedules(running.database),
        agents=Agents(running.database),
        cursors=Cursors(pepper, listing="schedules"),
        threads=running.threads,
    )


def schedule_run_routes(running: Running, pepper: str) -> ScheduleRunRoutes:
    return ScheduleRunRoutes(
        control=_control(running),
        schedules=Schedules(running.database),
        runs=ScheduleRuns(running.database),
        cursors=Cursors(pepper, listing="schedule_runs"),
        threads=running.threads,
    )


def _control(running: Running) -> ScheduleControl:
    database = running.database
    return ScheduleControl(
        Schedules(database),
        ScheduleRuns(database),
        ScheduleTriggers(database),
        ring=running.carriers.ring,
    )
