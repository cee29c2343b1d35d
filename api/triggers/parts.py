"""Puts together the routes of events in, triggers and dead letters."""

from collections.abc import Iterator

from agent_workers.orchestration.triggers.intake import Intake
from agent_workers.state.catalogue.agents import Agents
from agent_workers.state.triggers.dead_letters import Letters
from agent_workers.state.triggers.intake import Intakes
from agent_workers.state.triggers.rows import Triggers
from api.http.cursors import Cursors
from api.http.paging import Pages
from api.process.running import Running
from api.triggers.dead_letters import DeadLetterRoutes
from api.triggers.intake import EventIntake
from api.triggers.routes import TriggerRoutes


def event_parts(running: Running, pepper: str) -> Iterator[object]:
    database, threads = running.database, running.threads
    triggers, agents = Triggers(database), Agents(database)
    intake = Intake(
        Intakes(database), rules=triggers, paces=agents.known, ring=running.carriers.ring
    )
    yield EventIntake(intake=intake, threads=threads)
    yield TriggerRoutes(
        triggers=triggers,
        agents=agents,
        pages=Pages(cursors=Cursors(pepper, listing="triggers"), threads=threads),
        threads=threads,
    )
    yield DeadLetterRoutes(
        letters=Letters(database),
        intake=intake,
        pages=Pages(cursors=Cursors(pepper, listing="dead_letters"), threads=threads),
        threads=threads,
    )
