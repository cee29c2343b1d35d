"""What a model says while it says it, in the event stream of its job: unnumbered, and never in the way."""

import json
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from agent_workers.domain.ids import JobId, from_wire
from agent_workers.domain.models.delta import Delta
from agent_workers.embedded.redis import EmbeddedRedis
from agent_workers.transport.shared.model_deltas import RedisDeltas
from tests.integration.api.live import PEPPER, submit, waking
from tests.integration.state.world import FINISH, World

Told = tuple[str, dict[str, Any]]


@pytest.fixture
def job(client: httpx.Client) -> JobId:
    found = from_wire(submit(client)["id"])
    assert found is not None
    return found


@pytest.fixture
def deltas(redis_server: EmbeddedRedis) -> Iterator[RedisDeltas]:
    opened = RedisDeltas(redis_server.url, pepper=PEPPER)
    yield opened
    opened.close()


def piece(job: JobId, text: str, *, attempt: int = 1, call: int = 0) -> Delta:
    return Delta(job_id=job, position=0, attempt=attempt, call=call, text=text)


def told(client: httpx.Client, job: JobId, **headers: str) -> Iterator[Told]:
    """All that the stream says, with or without a number."""
    wanted = {"accept": "text/event-stream"} | headers
    with client.stream("GET", f"/v1/jobs/{job.hex}/events", headers=wanted) as reply:
        assert reply.status_code == 200
        kind, number = "", ""
        for line in reply.iter_lines():
            name, _, value = line.partition(": ")
            if name == "event":
                kind = value
            elif name == "id":
                number = value
            elif name == "data":
                assert (kind == "job.delta") == (number == "")
                yield kind, json.loads(value)
                number = ""


def test_deltas_come_before_the_end_and_carry_no_number(
    client: httpx.Client,
    world: World,
    job: JobId,
    deltas: RedisDeltas,
    redis_server: EmbeddedRedis,
) -> None:
    stream = told(client, job)
    assert next(stream)[0] == "job.queued"
    claimed = world.claim(job)
    kinds: list[str] = []
    deltas.say(piece(job, "Half "))
    assert next_delta(stream, kinds) == {
        "type": "job.delta",
        "job_id": f"job_{job.hex}",
        "position": 0,
        "attempt": 1,
        "call": 0,
        "text": "Half ",
    }
    deltas.say(piece(job, "an answer\N{SNOWMAN}"))
    assert next_delta(stream, kinds)["text"] == "an answer\N{SNOWMAN}"
    with waking(redis_server.url) as wakeups:
        world.record(claimed, FINISH)
        wakeups.publish([job.hex])
        kinds += [kind for kind, _ in stream]
    assert kinds == ["job.started", "job.step.completed", "job.succeeded"]


def next_delta(stream: Iterator[Told], kinds: list[str]) -> dict[str, Any]:
    """The next delta; the stream's look, once a second, may tell what happened before it."""
    for kind, data in stream:
        if kind == "job.delta":
            return data
        kinds.append(kind)
    raise AssertionError("the stream has ended without another delta")


def test_the_next_attempt_follows_the_half_stream_of_a_dead_one(
    client: httpx.Client, job: JobId, deltas: RedisDeltas
) -> None:
    deltas.say(piece(job, "Half an ans"))
    deltas.say(piece(job, "A whole answer", attempt=2))
    stream = told(client, job)
    assert next(stream)[0] == "job.queued"
    heard = [next(stream)[1] for _ in range(2)]
    assert [(one["attempt"], one["text"]) for one in heard] == [
        (1, "Half an ans"),
        (2, "A whole answer"),
    ]


def test_who_comes_back_hears_only_what_is_said_from_then_on(
    client: httpx.Client, job: JobId, deltas: RedisDeltas
) -> None:
    deltas.say(piece(job, "before"))
    until_written(client, job)
    later = threading.Timer(1.0, deltas.say, [piece(job, "after")])
    later.start()
    assert next(told(client, job, **{"last-event-id": "1"}))[1]["text"] == "after"


def test_what_was_said_of_finished_steps_is_not_repeated(
    client: httpx.Client, world: World, job: JobId, deltas: RedisDeltas
) -> None:
    deltas.say(piece(job, "old"))
    until_written(client, job)
    world.record(world.claim(job), FINISH)
    assert "job.delta" not in [kind for kind, _ in told(client, job)]


def until_written(client: httpx.Client, job: JobId) -> None:
    """Wait until a delta can be heard."""
    stream = told(client, job)
    while next(stream)[0] != "job.delta":
        pass
