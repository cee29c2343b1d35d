"""Puts the routes of schedules together."""

from agent_workers.orchestration.schedules import ScheduleControl
from agent_workers.state.agents import Agents
from agent_workers.state.schedules import Schedules
from agent_workers.state.schedules_runs import ScheduleRuns
from agent_workers.state.schedules_trigger import ScheduleTriggers
from api.cursors import Cursors
from api.running import Running
from api.schedule_runs import ScheduleRunRoutes
from api.schedules import ScheduleRoutes


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
