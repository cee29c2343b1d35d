"""The parts of events in, put together, and their routes."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from agent_workers.orchestration.triggers.intake import Intake
from agent_workers.state.catalogue.agents import Agents
from agent_workers.state.triggers.dead_letters import Letters
from agent_workers.state.triggers.intake import Intakes
from agent_workers.state.triggers.rows import Triggers
from api.http.cursors import Cursors
from api.process.running import Running
from api.triggers.dead_letters import DeadLetterRoutes
from api.triggers.intake import EventIntake
from api.triggers.routes import TriggerRoutes

Endpoint = Callable[[Request], Awaitable[Response]]
_TRIGGER = "/v1/triggers/{trigger_id}"
_LETTER = "/v1/dead_letters/{letter_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventParts:
    """What takes events, and what operators do about them."""

    intake: EventIntake
    triggers: TriggerRoutes
    letters: DeadLetterRoutes


def event_parts(running: Running, pepper: str) -> EventParts:
    database, threads = running.database, running.threads
    triggers, agents = Triggers(database), Agents(database)
    intake = Intake(
        Intakes(database), rules=triggers, paces=agents.known, ring=running.carriers.ring
    )
    return EventParts(
        intake=EventIntake(intake=intake, threads=threads),
        triggers=TriggerRoutes(
            triggers=triggers,
            agents=agents,
            cursors=Cursors(pepper, listing="triggers"),
            threads=threads,
        ),
        letters=DeadLetterRoutes(
            letters=Letters(database),
            intake=intake,
            cursors=Cursors(pepper, listing="dead_letters"),
            threads=threads,
        ),
    )


def event_routes(parts: EventParts) -> Mapping[tuple[str, str], Endpoint]:
    triggers, letters = parts.triggers, parts.letters
    return {
        ("POST", "/v1/events"): parts.intake.take,
        ("POST", "/v1/triggers"): triggers.create,
        ("GET", "/v1/triggers"): triggers.show_all,
        ("GET", _TRIGGER): triggers.show,
        ("PATCH", _TRIGGER): triggers.change,
        ("DELETE", _TRIGGER): triggers.delete,
        ("GET", "/v1/dead_letters"): letters.show_all,
        ("GET", _LETTER): letters.show,
        ("POST", _LETTER + "/replay"): letters.replay,
        ("POST", _LETTER + "/discard"): letters.discard,
    }
