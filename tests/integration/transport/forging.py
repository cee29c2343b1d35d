"""Messages that somebody else has put into our queues."""

import base64
import json
import zlib
from typing import Any

from agent_workers.transport.doorbells.redis_bell import envelope
from agent_workers.transport.doorbells.ring import Message, Ring, message_of
from tests.integration.transport.bench import WorkerProcess, a_ring, until


def forged(ring: Ring, other: Ring) -> Message:
    """A nudge that wants Celery to kill it, to hold it back, to drop it, and to go on with another."""
    message = message_of(ring, origin="nobody")
    message.headers.update(timelimit=[0.01, 0.01], eta="2999-01-01T00:00:00", group="g", chord="c")
    message.headers.update(expires="1999-01-01T00:00:00")
    next_one = {"task": "tool", "args": ["acme", other.job_id.hex, 0], "kwargs": {}, "options": {}}
    canvas = {"callbacks": [next_one], "errbacks": [next_one], "chain": [next_one], "chord": None}
    message.body[1:] = [{"position": 0}, canvas]
    return message


def passed_over(running: WorkerProcess, times: int) -> None:
    """Wait until so many were passed over: a queue may be emptied from the end that was filled last."""

    def seen() -> int:
        return running.log.read_text().count("message_passed_over")

    until(lambda: seen() >= times, f"{times} messages are passed over")
    assert seen() == times


def strays() -> list[str | bytes]:
    """Entries of a list that are no nudges, each in a way of its own."""
    whole: dict[str, Any] = json.loads(envelope(message_of(a_ring(), origin="")))
    bomb = base64.b64encode(zlib.compress(b"0" * 1_000_000)).decode()
    return [
        b"\xff\xfe",
        "",
        "no JSON",
        "[" * 5_000,
        "null",
        "7",
        "[]",
        "{}",
        '{"__type__": "datetime", "__value__": 7}',
        json.dumps(whole | {"properties": []}),
        json.dumps(whole | {"properties": {}}),
        json.dumps(whole | {"properties": whole["properties"] | {"delivery_tag": []}}),
        json.dumps(whole | {"properties": whole["properties"] | {"body_encoding": 7}}),
        json.dumps(whole | {"headers": None}),
        json.dumps(whole | {"headers": ["task"]}),
        json.dumps(whole | {"headers": {"task": "nothing.of.ours", "id": "x"}}),
        json.dumps(whole | {"headers": whole["headers"] | {"task": []}}),
        json.dumps(whole | {"body": 7}),
        json.dumps(whole | {"body": "%"}),
        json.dumps(whole | {"body": bomb, "headers": whole["headers"] | {"compression": "zlib"}}),
        json.dumps(whole | {"body": base64.b64encode(b'[["acme"], {}, {}]').decode()}),
    ]
