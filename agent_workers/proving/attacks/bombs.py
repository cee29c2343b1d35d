"""Requests that take long to take in: conditions that never end, bodies that are refused late."""

import json
from http import HTTPStatus
from itertools import count

from agent_workers.domain.triggers.message import ONE
from agent_workers.proving.attacks.connection import Connection
from agent_workers.proving.attacks.hostile import Attack, Hostile, post
from agent_workers.proving.outside.hostile import NAME

# With more of them the API refuses the events.
_TRIGGERS = 4
_HEAVY = "data.l.all(a, data.l.all(b, data.l.all(c, a + b + c >= 0)))"
_EVENT = {"specversion": "1.0", "source": "/s", "type": "t", "data": {"l": [1] * 4_000}}


def expressions(*, every_s: float = 0.0) -> Attack:
    """Events for triggers whose conditions would take for ever."""

    def attack(hostile: Hostile, connection: Connection) -> None:
        for number in range(_TRIGGERS):
            trigger = {"name": f"heavy {number}", "agent": NAME, "where": [_HEAVY]}
            post(connection, "/v1/triggers", trigger)
        for number in count():
            event = json.dumps(_EVENT | {"id": str(number)}).encode()
            taken = connection.post("/v1/events", event, media=ONE).status == HTTPStatus.ACCEPTED
            hostile.did["events for heavy conditions"] += taken
            if hostile.over.wait(every_s):
                return

    return attack


def bodies(*, every_s: float = 0.0) -> Attack:
    """Bodies that take long to refuse."""
    doubled = b'{"input":{' + b",".join(b'"a%d":1' % n for n in range(90_000)) + b',"a0":1}}'

    def attack(hostile: Hostile, connection: Connection) -> None:
        while not hostile.over.wait(every_s):
            connection.post("/v1/jobs", doubled)
            hostile.did["bodies that take long to refuse"] += 1

    return attack
