"""Events over HTTP: three modes, strict, atomic, and once."""

import base64
from typing import Any

import httpx
import pytest

from agent_workers.domain.ids import TenantId
from tests.integration.api.live import AGENT, Live, is_problem
from tests.integration.state.world import World

ONE, BATCH = "application/cloudevents+json", "application/cloudevents-batch+json"
PAID = {"specversion": "1.0", "id": "1", "source": "/shop", "type": "order.paid"}


@pytest.fixture
def paid(client: httpx.Client) -> dict[str, Any]:
    body = {
        "name": "paid",
        "agent": AGENT,
        "types": ["order.*"],
        "where": ["data.amount > 100"],
        "input": {"order": "${id}", "amount": "${data.amount}"},
    }
    reply = client.post("/v1/triggers", json=body)
    assert reply.status_code == 201, reply.text
    made: dict[str, Any] = reply.json()
    return made


def send(client: httpx.Client, body: object, kind: str = ONE) -> httpx.Response:
    return client.post("/v1/events", json=body, headers={"content-type": kind})


def count(world: World) -> int:
    return int(world.one("select count(*) from jobs where tenant_id = %s", world.tenant))


@pytest.mark.usefixtures("paid")
def test_a_structured_event_starts_a_job_once(client: httpx.Client, world: World) -> None:
    event = PAID | {"data": {"amount": 150}}
    first, again = send(client, event), send(client, event)
    assert (first.status_code, again.status_code) == (202, 202)
    [started], [repeated] = first.json()["jobs"], again.json()["jobs"]
    assert (started["replayed"], repeated["replayed"]) == (False, True)
    assert started["job_id"] == repeated["job_id"]
    job = client.get(f"/v1/jobs/{started['job_id']}").json()
    assert job["input"] == {"order": "1", "amount": 150}
    assert job["metadata"]["trigger"] == "paid"
    assert count(world) == 1


@pytest.mark.usefixtures("paid")
def test_a_binary_event_is_the_same_event(client: httpx.Client, world: World) -> None:
    structured = send(client, PAID | {"id": "ä 1", "data": {"amount": 150}})
    headers = {f"ce-{name}": value for name, value in PAID.items()}
    headers |= {"ce-id": "%C3%A4%201", "content-type": "application/json"}
    binary = client.post("/v1/events", headers=headers, content=b'{"amount": 150}')
    assert binary.status_code == 202, binary.text
    assert binary.json()["jobs"][0] == structured.json()["jobs"][0] | {"replayed": True}
    assert count(world) == 1


@pytest.mark.usefixtures("paid")
def test_a_batch_is_taken_as_a_whole_or_not_at_all(client: httpx.Client, world: World) -> None:
    good = [PAID | {"id": str(number), "data": {"amount": 101}} for number in range(5)]
    problem = is_problem(send(client, [*good, PAID | {"source": ""}], BATCH), 422, "invalid_event")
    assert problem["errors"][0]["pointer"] == "/5/source"
    assert count(world) == 0
    reply = send(client, good + good[:2], BATCH)
    assert [len(one["jobs"]) for one in reply.json()["data"]] == [1] * 7
    assert count(world) == 5
    assert send(client, [], BATCH).json()["data"] == []


@pytest.mark.parametrize(
    ("members", "pointer"),
    [
        ({"specversion": "0.3"}, "/specversion"),
        ({"id": ""}, "/id"),
        ({"id": 7}, "/id"),
        ({"type": "a\u0007"}, "/type"),
        ({"source": "no uri"}, "/source"),
        ({"time": "yesterday"}, "/time"),
        ({"time": "2030-02-30T00:00:00Z"}, "/time"),
        ({"dataschema": "relative"}, "/dataschema"),
        ({"datacontenttype": "json"}, "/datacontenttype"),
        ({"Extension": "x"}, ""),
        ({"extension": {"a": 1}}, "/extension"),
        ({"extension": 2**31}, "/extension"),
        ({"data": 1, "data_base64": "YQ=="}, "/data_base64"),
        ({"data_base64": "?"}, "/data_base64"),
    ],
)
def test_what_cloudevents_does_not_allow_is_refused(
    client: httpx.Client, members: dict[str, Any], pointer: str
) -> None:
    problem = is_problem(send(client, PAID | members), 422, "invalid_event")
    assert problem["errors"][0]["pointer"] == pointer


def test_events_that_ask_for_too_much_together_start_nothing(
    client: httpx.Client, world: World
) -> None:
    for name in ("one", "two", "three"):
        assert client.post("/v1/triggers", json={"name": name, "agent": AGENT}).status_code == 201
    many = [PAID | {"id": str(number)} for number in range(334)]
    problem = is_problem(send(client, many, BATCH), 422, "too_much_at_once")
    assert "more than 1000 jobs" in problem["detail"]
    assert count(world) == 0
    assert client.get("/v1/dead_letters").json()["data"] == []
    assert send(client, many[:3], BATCH).status_code == 202


@pytest.mark.usefixtures("paid")
def test_a_reply_tells_a_hundred_mistakes_and_counts_the_others(client: httpx.Client) -> None:
    told = send(client, [PAID | {"id": str(n)} for n in range(150)], BATCH).json()["data"]
    assert [len(one["mistakes"]) for one in told] == [1] * 100 + [0] * 50
    assert [one["more_mistakes"] for one in told] == [0] * 100 + [1] * 50
    assert told[0]["mistakes"][0]["detail"].startswith("/where/0: ")


def test_what_is_no_event_is_told_what_would_be_one(client: httpx.Client) -> None:
    reply = send(client, PAID, "application/json")
    is_problem(reply, 415, "unsupported_media_type")
    assert ONE in reply.headers["accept-post"]
    is_problem(
        client.post("/v1/events", content=b"{", headers={"content-type": ONE}),
        400,
        "malformed_json",
    )


def test_triggers_are_changed_listed_and_deleted(
    client: httpx.Client, paid: dict[str, Any], world: World
) -> None:
    at = f"/v1/triggers/{paid['id']}"
    assert client.get(at).json() == paid
    changed = client.patch(at, json={"enabled": False}).json()
    assert changed == paid | {"enabled": False, "updated_at": changed["updated_at"]}
    assert send(client, PAID | {"data": {"amount": 150}}).json()["jobs"] == []
    assert [one["id"] for one in client.get("/v1/triggers").json()["data"]] == [paid["id"]]
    twin = {"name": "paid", "agent": AGENT}
    is_problem(client.post("/v1/triggers", json=twin), 409, "trigger_name_taken")
    assert client.delete(at).status_code == 204
    is_problem(client.get(at), 404, "trigger_not_found")
    assert count(world) == 0


@pytest.mark.parametrize(
    ("members", "code", "pointer"),
    [
        ({"agent": "nobody"}, "unknown_agent", "/agent"),
        ({"where": ["data.a >"]}, "invalid_request", "/where/0"),
        ({"where": ["amount > 1"]}, "invalid_request", "/where/0"),
        ({"input": "${data"}, "invalid_request", "/input"),
        ({"input": 7}, "invalid_request", "/input"),
        ({"types": []}, "invalid_request", "/types"),
        ({"colour": "red"}, "invalid_request", "/colour"),
        ({"input": {"k" * 70_000: 1}}, "invalid_request", "/input"),
        ({"types": ["t" * 1_000] * 20}, "invalid_request", "/where"),
    ],
)
def test_a_trigger_that_cannot_work_is_refused(
    client: httpx.Client, members: dict[str, Any], code: str, pointer: str
) -> None:
    body = {"name": "bad", "agent": AGENT} | members
    problem = is_problem(client.post("/v1/triggers", json=body), 422, code)
    assert problem["errors"][0]["pointer"] == pointer


def test_a_dead_letter_is_replayed_once_its_trigger_is_mended(
    client: httpx.Client, paid: dict[str, Any]
) -> None:
    at = f"/v1/triggers/{paid['id']}"
    client.patch(at, json={"where": [], "input": "${data.absent}"})
    reply = send(client, PAID | {"data": {"amount": 1}}).json()
    assert [one["trigger"] for one in reply["mistakes"]] == ["paid"]
    [letter] = client.get("/v1/dead_letters").json()["data"]
    there = f"/v1/dead_letters/{letter['id']}"
    assert letter["code"] == "template_failed"
    assert client.post(f"{there}/replay").json()["state"] == "dead"
    client.patch(at, json={"input": "${data}"})
    replayed = client.post(f"{there}/replay").json()
    assert (replayed["state"], replayed["times"]) == ("replayed", 2)
    assert b"order.paid" in base64.b64decode(replayed["body_base64"])
    assert client.get("/v1/dead_letters").json()["data"] == []
    assert client.post(f"{there}/discard").json()["state"] == "discarded"
    [job] = client.get("/v1/jobs").json()["data"]
    assert job["metadata"]["event_id"] == "1"


def test_nobody_sees_what_is_another_tenants(live: Live, paid: dict[str, Any]) -> None:
    with live.client(TenantId("stranger")) as stranger:
        for verb in ("GET", "DELETE"):
            is_problem(
                stranger.request(verb, f"/v1/triggers/{paid['id']}"), 404, "trigger_not_found"
            )
        assert stranger.get("/v1/triggers").json()["data"] == []
