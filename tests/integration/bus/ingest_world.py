"""What tests of events in need: a trigger, events, and an outside queue with something in it."""

import json
from collections.abc import Iterable
from typing import Any
from uuid import uuid4

from kombu.connection import Connection
from kombu.messaging import Producer

from agent_workers.domain.claim import Due
from agent_workers.domain.ids import TenantId
from agent_workers.domain.triggers.message import ONE, Message
from agent_workers.domain.triggers.trigger import Trigger
from agent_workers.orchestration.triggers.intake import Intake
from agent_workers.state.catalogue.agents import Agents, Registered
from agent_workers.state.database.engine import Database
from agent_workers.state.triggers.intake import Intakes
from agent_workers.state.triggers.rows import Triggers

AGENT = "demo"


def trigger(**given: Any) -> Trigger:
    members: dict[str, Any] = {"trigger_id": uuid4(), "name": uuid4().hex, "agent": AGENT}
    return Trigger(**members | given)


def event(number: int, **given: Any) -> dict[str, Any]:
    members = {"specversion": "1.0", "id": f"e-{number}", "source": "/shop", "type": "order.paid"}
    return members | {"data": {"order": number}} | given


def message(body: object, content_type: str = ONE) -> Message:
    written = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Message(content_type=content_type, body=written)


class Bell:
    """Counts what it is rung for."""

    def __init__(self) -> None:
        self.rung: list[Due] = []

    def __call__(self, due: Iterable[Due], *, parent: str | None) -> None:
        assert parent is None
        self.rung += due


def intake(database: Database, bell: Bell) -> Intake:
    Agents(database).register([Registered(name=AGENT, version="1", plan_timeout_ms=60_000)])
    return Intake(
        Intakes(database),
        rules=Triggers(database),
        paces=Agents(database).known,
        ring=bell,
    )


def jobs(database: Database, tenant: TenantId) -> int:
    return int(ask(database, "select count(*) from jobs where tenant_id = %s", tenant))


# Any: a column of whatever type the query names.
def ask(database: Database, sql: str, *values: object) -> Any:
    with database.connection() as connection:
        row = connection.execute(sql.encode(), values).fetchone()
    return None if row is None else row[0]


def publish(url: str, queue: str, bodies: Iterable[bytes], content_type: str = ONE) -> None:
    """Put messages into a queue that exists, as somebody else's program would."""
    with Connection(url) as connection:
        producer = Producer(connection, auto_declare=False)
        for body in bodies:
            producer.publish(
                body,
                exchange="",
                routing_key=queue,
                content_type=content_type,
                content_encoding="utf-8",
                delivery_mode=2,
            )
