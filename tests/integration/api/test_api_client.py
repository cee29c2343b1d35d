"""The Python client against a live server."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from agent_workers.client.client import Client
from agent_workers.client.errors import ClientError, Refused, Unreachable, WaitedInVain
from agent_workers.domain.effect import EffectClass
from agent_workers.domain.ids import JobId, TenantId, from_wire
from tests.integration.api.live import AGENT, Live
from tests.integration.state.acting import allow, doubt
from tests.integration.state.world import FINISH, World


@pytest.fixture
def caller(live: Live, tenant: TenantId) -> Iterator[Client]:
    with Client(live.url, live.token(tenant)) as opened:
        yield opened


def named(wire: str) -> JobId:
    job = from_wire(wire)
    assert job is not None
    return job


def finish_soon(world: World, wire: str) -> None:
    def finish() -> None:
        world.record(world.claim(named(wire)), FINISH)

    threading.Thread(target=finish).start()


def test_a_job_is_submitted_and_waited_for(caller: Client, world: World):
    job = caller.submit(AGENT, {"message": "hi"}, metadata={"user_id": "u-01"}, priority=3)
    assert not job.finished
    assert job.raw["priority"] == 3
    finish_soon(world, job.id)
    done = caller.wait(job.id, timeout=timedelta(seconds=20))
    assert (done.status, done.output) == ("succeeded", "done")


def test_waiting_ends_with_the_callers_patience(caller: Client):
    job = caller.submit(AGENT, "hi")
    with pytest.raises(WaitedInVain, match="queued"):
        caller.wait(job.id, timeout=timedelta(seconds=1))


def test_the_same_key_gives_the_same_job(caller: Client):
    key = uuid4().hex
    first = caller.submit(AGENT, "hi", idempotency_key=key)
    assert caller.submit(AGENT, "hi", idempotency_key=key).id == first.id
    with pytest.raises(Refused) as caught:
        caller.submit(AGENT, "ho", idempotency_key=key)
    assert caught.value.code == "idempotency_key_reused"


def test_events_come_to_their_end(caller: Client, world: World):
    job = caller.submit(AGENT, "hi")
    finish_soon(world, job.id)
    told = [event.type for event in caller.events(job.id)]
    assert told == ["job.queued", "job.started", "job.step.completed", "job.succeeded"]
    assert list(caller.events(job.id, after=4)) == []


def test_a_job_is_controlled(caller: Client):
    job = caller.submit(AGENT, "hi")
    assert caller.pause(job.id, reason="lunch").status == "paused"
    assert caller.resume(job.id).status == "queued"
    assert caller.cancel(job.id, reason="enough").status == "canceled"
    assert [one["id"] for one in caller.jobs(status="canceled")["data"]] == [job.id]
    assert caller.steps(job.id)[0]["status"] == "canceled"
    assert caller.trace(job.id)[0]["stage"] == "gateway"
    assert [one["name"] for one in caller.agents()] == [AGENT]


def test_a_doubt_is_resolved(caller: Client, world: World):
    claimed = world.acting(EffectClass.UNSAFE)
    key = str(allow(world, claimed))
    doubt(world, claimed)
    assert [one["effect_key"] for one in caller.doubts()] == [key]
    resolved = caller.resolve(key, "happened", reason="seen", result={"receipt": 7})
    assert resolved["state"] == "done"
    assert caller.doubt(key)["result"] == {"receipt": 7}
    assert caller.doubts() == []


def test_what_the_api_refuses_says_why(live: Live, caller: Client):
    with pytest.raises(Refused) as caught:
        caller.get("job_" + "0" * 32)
    assert (caught.value.status, caught.value.code) == (404, "job_not_found")
    with Client(live.url, "nonsense") as other, pytest.raises(Refused, match="401 invalid_key"):
        other.agents()


def test_times_and_durations_are_those_of_python(caller: Client):
    at = datetime.now(UTC) + timedelta(hours=1)
    job = caller.submit(AGENT, "hi", run_at=at, deadline=timedelta(hours=2))
    assert caller.steps(job.id)[0]["due_at"] == at.isoformat().replace("+00:00", "Z")
    assert job.raw["deadline_at"] is not None


def test_a_server_that_is_not_there_is_unreachable():
    with pytest.raises(Unreachable):
        Client("http://127.0.0.1:1", "x").submit(AGENT, "hi")
    with pytest.raises(ClientError, match="is not the URL of an API"):
        Client("localhost:8000", "x")
