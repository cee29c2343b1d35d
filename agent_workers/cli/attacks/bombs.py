"""Requests that take long to take in: conditions that never end, bodies that are refused late."""

from itertools import count

from agent_workers.cli.attacks.connection import Connection
from agent_workers.cli.attacks.hostile import Attack, Hostile, post
from agent_workers.testing.hostile import NAME

_HEAVY = "data.l.all(a, data.l.all(b, data.l.all(c, a + b + c >= 0)))"
_EVENT = {"specversion": "1.0", "source": "/s", "type": "t", "data": {"l": [1] * 4_000}}


def expressions(*, every_s: float = 0.0) -> Attack:
    """Events for triggers whose conditions would take for ever."""

    def attack(hostile: Hostile, connection: Connection) -> None:
        for number in range(8):
            trigger = {"name": f"heavy {number}", "agent": NAME, "where": [_HEAVY]}
            post(connection, "/v1/triggers", trigger)
        for number in count():
            post(connection, "/v1/events", _EVENT | {"id": str(number)})
            hostile.did["events for heavy conditions"] += 1
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
