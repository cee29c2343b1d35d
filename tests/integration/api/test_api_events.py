"""The event stream of a job: every event once and in order, over any number of connections."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from agent_workers.client.stream import Event, events_in
from agent_workers.domain.ids import JobId, TenantId, from_wire
from agent_workers.embedded.redis import EmbeddedRedis
from agent_workers.state.database.engine import Database
from tests.integration.api.live import is_problem, running_api, submit, until, waking
from tests.integration.state.world import FINISH, World

STREAM = {"accept": "text/event-stream"}


@pytest.fixture
def job(client: httpx.Client) -> JobId:
    found = from_wire(submit(client)["id"])
    assert found is not None
    return found


@contextmanager
def stream(client: httpx.Client, job: JobId, **headers: str) -> Iterator[Iterator[Event]]:
    path = f"/v1/jobs/{job.hex}/events"
    with client.stream("GET", path, headers=STREAM | headers) as reply:
        assert reply.status_code == 200
        assert reply.headers["content-type"].startswith("text/event-stream")
        assert reply.headers["x-accel-buffering"] == "no"
        assert "x-request-id" in reply.headers
        yield events_in(reply.iter_lines())


def finish(world: World, job: JobId) -> None:
    world.record(world.claim(job), FINISH)


def test_a_stream_tells_all_events_and_ends_with_the_job(
    client: httpx.Client, world: World, job: JobId, redis_server: EmbeddedRedis
):
    with stream(client, job) as events, waking(redis_server.url) as wakeups:
        assert next(events).type == "job.queued"
        finish(world, job)
        wakeups.publish([job.hex])
        told = list(events)
    assert [event.type for event in told] == ["job.started", "job.step.completed", "job.succeeded"]
    assert [event.number for event in told] == [2, 3, 4]
    assert [event.data["sequence_number"] for event in told] == [2, 3, 4]
    assert told[1].data["kind"] == "plan"


def test_a_stream_goes_on_behind_the_last_event_that_was_seen(
    client: httpx.Client, world: World, job: JobId
):
    finish(world, job)
    with stream(client, job, **{"last-event-id": "2"}) as events:
        assert [event.number for event in events] == [3, 4]
    with client.stream("GET", f"/v1/jobs/{job.hex}/events?after=3", headers=STREAM) as reply:
        assert [event.number for event in events_in(reply.iter_lines())] == [4]


def test_a_stream_of_which_all_was_told_says_not_to_come_again(
    client: httpx.Client, world: World, job: JobId
):
    finish(world, job)
    reply = client.get(f"/v1/jobs/{job.hex}/events", headers=STREAM | {"last-event-id": "4"})
    assert reply.status_code == 204


def test_a_silent_stream_finds_the_news_by_itself(client: httpx.Client, world: World, job: JobId):
    with stream(client, job) as events:
        next(events)
        threading.Thread(target=finish, args=(world, job)).start()
        assert [event.type for event in events][-1] == "job.succeeded"


def test_the_same_log_is_a_page_of_json(client: httpx.Client, world: World, job: JobId):
    finish(world, job)
    wanted = {"accept": "application/json"}
    path = f"/v1/jobs/{job.hex}/events"
    page: dict[str, Any] = client.get(f"{path}?limit=3", headers=wanted).json()
    assert [event["sequence_number"] for event in page["data"]] == [1, 2, 3]
    assert page["has_more"]
    rest = client.get(f"{path}?after={page['next_cursor']}", headers=wanted).json()
    assert [event["type"] for event in rest["data"]] == ["job.succeeded"]
    assert not rest["has_more"]


def test_the_data_of_an_event_is_json_in_one_line(client: httpx.Client, job: JobId):
    with client.stream("GET", f"/v1/jobs/{job.hex}/events", headers=STREAM) as reply:
        lines = reply.iter_lines()
        assert next(lines) == "retry: 2000"
        data = next(line for line in lines if line.startswith("data: "))
    said = json.loads(data.removeprefix("data: "))
    assert said["job_id"] == f"job_{job.hex}"
    assert said["agent"] == "demo"
    assert said["at"].endswith("Z")


@pytest.mark.parametrize("last", ["x", "-1", "1.5", "9" * 12])
def test_a_last_event_that_we_never_gave_is_refused(client: httpx.Client, job: JobId, last: str):
    reply = client.get(f"/v1/jobs/{job.hex}/events", headers=STREAM | {"last-event-id": last})
    is_problem(reply, 422, "invalid_request")


def test_what_is_neither_a_stream_nor_json_is_not_here(client: httpx.Client, job: JobId):
    reply = client.get(f"/v1/jobs/{job.hex}/events", headers={"accept": "image/png"})
    is_problem(reply, 406, "not_acceptable")


def test_streams_of_one_tenant_leave_room_for_those_of_others(
    database: Database, redis_server: EmbeddedRedis, tenant: TenantId
):
    with (
        running_api(database, redis_server.url, api_streams_per_tenant=1) as live,
        live.client(tenant) as client,
        live.client(TenantId(f"{tenant}-other")) as other,
    ):
        mine, others = f"/v1/jobs/{submit(client)['id']}", f"/v1/jobs/{submit(other)['id']}"
        with client.stream("GET", f"{mine}/events", headers=STREAM) as first:
            lines = first.iter_lines()
            assert next(lines).startswith("retry")
            with client.stream("GET", f"{mine}/events", headers=STREAM) as second:
                assert second.status_code == 429
            assert client.get(f"{mine}?wait=60").json()["status"] == "queued"  # at once
            with other.stream("GET", f"{others}/events", headers=STREAM) as second:
                assert second.status_code == 200
        until(lambda: opens(client, mine))


def opens(client: httpx.Client, job: str) -> bool:
    with client.stream("GET", f"{job}/events", headers=STREAM) as reply:
        return reply.status_code == 200
