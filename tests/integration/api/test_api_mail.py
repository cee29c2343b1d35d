"""Events for jobs and answers to their questions over HTTP, by the client and the command line."""

import json
from collections.abc import Iterator
from datetime import timedelta
from uuid import uuid4

import httpx
import pytest

from agent_workers.cli.main import main
from agent_workers.client.client import Client
from agent_workers.client.errors import Refused
from agent_workers.domain.claim import Claimed
from agent_workers.domain.ids import JobId, TenantId, to_wire
from agent_workers.domain.wait import Wait
from tests.integration.api.live import Live, is_problem
from tests.integration.state.waiting import (
    A_DAY,
    child,
    child_id,
    engaging,
    event,
    know_agent,
    park,
    person,
    waited,
)
from tests.integration.state.world import World


@pytest.fixture
def client_of(live: Live, tenant: TenantId) -> Iterator[Client]:
    with Client(live.url, live.token(tenant)) as client:
        yield client


def parked(world: World, wait: Wait) -> Claimed:
    claimed = engaging(world)
    park(world, claimed, wait)
    return claimed


def post(client: httpx.Client, job: JobId, what: str, body: object, **headers: str):
    return client.post(f"/v1/jobs/{to_wire(job)}/{what}", json=body, headers=headers)


def test_an_event_from_outside_wakes_a_job(client: httpx.Client, world: World):
    claimed = parked(world, event())
    sent = post(client, claimed.job_id, "events", {"name": "go", "data": {"n": 1}})
    assert sent.status_code == 202
    told = {"number": 1, "name": "go", "taken": True, "object": "message"}
    assert sent.json() == told | {"job_id": to_wire(claimed.job_id)}
    assert waited(world, world.claim(claimed.job_id, 1)).answer == b'{"n": 1}'


def test_the_same_key_sends_one_event(client: httpx.Client, world: World):
    job = world.submit()
    key = {"idempotency-key": f"once-{job.hex}"}
    first = post(client, job, "events", {"name": "go"}, **key)
    again = post(client, job, "events", {"name": "go"}, **key)
    assert (first.json(), "idempotency-replayed" in first.headers) == (again.json(), False)
    assert again.headers["idempotency-replayed"] == "true"
    other = post(client, job, "events", {"name": "stop"}, **key)
    is_problem(other, 422, "idempotency_key_reused")
    elsewhere = post(client, world.submit(), "events", {"name": "go"}, **key)
    is_problem(elsewhere, 422, "idempotency_key_reused")
    assert world.one("select count(*) from messages where job_id = %s", job) == 1


def test_no_event_is_sent_to_nobody(client: httpx.Client, world: World):
    is_problem(post(client, JobId(uuid4()), "events", {"name": "go"}), 404, "job_not_found")
    job = world.submit()
    world.cancel(job)
    ended = post(client, job, "events", {"name": "go"})
    is_problem(ended, 409, "illegal_move")
    assert ended.headers["x-should-retry"] == "false"
    assert world.one("select count(*) from idempotency_keys where job_id = %s", job) == 0


@pytest.mark.parametrize("body", [{}, {"name": ""}, {"name": "x" * 201}, {"name": "a", "to": 1}])
def test_an_event_needs_a_name_and_knows_nothing_else(
    client: httpx.Client, world: World, body: object
):
    is_problem(post(client, world.submit(), "events", body), 422, "invalid_request")


def test_a_question_is_shown_and_answered(client: httpx.Client, world: World):
    claimed = parked(world, person("sure", A_DAY, "yes", "no"))
    seen = client.get(f"/v1/jobs/{claimed.job_id.hex}").json()
    (asked,) = seen["waiting_for"]
    assert seen["status"] == "waiting"
    assert (asked["kind"], asked["key"], asked["position"]) == ("person", "sure", 1)
    assert asked["prompt"] == {"question": "Sure?", "choices": ["yes", "no"]}
    answered = post(client, claimed.job_id, "input", {"responses": {"sure": "yes"}})
    assert (answered.status_code, answered.json()["status"]) == (200, "running")
    assert answered.json()["waiting_for"] == []
    again = post(client, claimed.job_id, "input", {"responses": {"sure": "yes"}})
    assert again.status_code == 200
    other = post(client, claimed.job_id, "input", {"responses": {"sure": "no"}})
    is_problem(other, 409, "already_answered")
    assert other.headers["x-should-retry"] == "false"


def test_what_is_no_answer_is_said_with_its_place(client: httpx.Client, world: World):
    claimed = parked(world, person("a/b", A_DAY, "yes", "no"))
    wrong = post(client, claimed.job_id, "input", {"responses": {"a/b": "maybe"}})
    problem = is_problem(wrong, 422, "invalid_request")
    assert problem["errors"][0]["pointer"] == "/responses/a~1b"
    unknown = post(client, claimed.job_id, "input", {"responses": {"other": 1}})
    is_problem(unknown, 404, "question_not_found")
    is_problem(post(client, claimed.job_id, "input", {"responses": {}}), 422, "invalid_request")


def test_a_question_whose_time_is_over_takes_no_answer(client: httpx.Client, world: World):
    claimed = parked(world, person("sure", timedelta(milliseconds=1)))
    world.one("select pg_sleep(0.01)")
    late = post(client, claimed.job_id, "input", {"responses": {"sure": 1}})
    is_problem(late, 410, "question_closed")
    world.cancel(claimed.job_id)
    ended = post(client, claimed.job_id, "input", {"responses": {"sure": 1}})
    is_problem(ended, 409, "illegal_move")


def test_other_tenants_do_not_exist(live: Live, world: World):
    claimed = parked(world, person())
    with live.client(TenantId("somebody-else")) as stranger:
        for what, body in (("input", {"responses": {"sure": 1}}), ("events", {"name": "go"})):
            is_problem(post(stranger, claimed.job_id, what, body), 404, "job_not_found")


def test_a_child_is_shown_by_its_id(client: httpx.Client, world: World):
    know_agent(world)
    wait = child()
    claimed = parked(world, wait)
    (shown,) = client.get(f"/v1/jobs/{claimed.job_id.hex}").json()["waiting_for"]
    assert (shown["kind"], shown["key"]) == ("child", to_wire(child_id(wait)))
    assert client.get(f"/v1/jobs/{shown['key']}").json()["parent_job_id"] == to_wire(claimed.job_id)


def test_the_client_sends_and_answers(client_of: Client, world: World):
    listening, asking = parked(world, event()), parked(world, person())
    sent = client_of.send_event(to_wire(listening.job_id), "go", [1], idempotency_key="k" * 20)
    assert sent["taken"] is True
    job = client_of.answer(to_wire(asking.job_id), {"sure": True})
    assert job.status == "running"
    with pytest.raises(Refused):
        client_of.answer(to_wire(asking.job_id), {"sure": False})


def test_the_command_line_sends_and_answers(
    live: Live, world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("AGENT_API_URL", live.url)
    monkeypatch.setenv("AGENT_API_KEY", live.token(world.tenant))
    listening, asking = parked(world, event()), parked(world, person("sure", A_DAY, "yes", "no"))
    assert main(["jobs", "send", to_wire(listening.job_id), "go", '{"n": 1}']) == 0
    assert json.loads(capsys.readouterr().out)["taken"] is True
    assert main(["jobs", "answer", to_wire(asking.job_id), "yes"]) == 0
    assert "is running" in capsys.readouterr().out
    assert waited(world, world.claim(asking.job_id, 1)).answer == b'"yes"'
    again = parked(world, person("sure"))
    assert main(["jobs", "answer", to_wire(again.job_id), "sure", "[1]"]) == 0
    assert waited(world, world.claim(again.job_id, 1)).answer == b"[1]"
    assert main(["jobs", "answer", to_wire(again.job_id), "yes"]) == 1
