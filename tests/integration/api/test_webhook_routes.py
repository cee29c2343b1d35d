"""Webhooks over HTTP: endpoints with their secrets, the log of deliveries, and doing it again."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import standardwebhooks

from agent_workers.domain.events import Announced
from agent_workers.domain.ids import TenantId
from agent_workers.execution.webhooks.send import Sender
from agent_workers.orchestration.requests.webhooks import Courier
from agent_workers.state.webhooks.queue import WebhookQueue
from tests.integration.api.live import PEPPER, Live, is_problem, submit
from tests.integration.webhooks.receiver import Received, receiving

URL = "https://hooks.example.com/here"
ALL = "/v1/webhook_endpoints"


def created(client: httpx.Client, **members: Any) -> dict[str, Any]:
    reply = client.post(ALL, json={"url": URL, **members})
    assert reply.status_code == 201, reply.text
    endpoint: dict[str, Any] = reply.json()
    return endpoint


def carried(live: Live, client: httpx.Client, how: str, endpoint_id: str) -> list[Received]:
    """Let a receiver take, in its way, what is due; deliveries of others are put aside."""
    queue = WebhookQueue(live.database, each=10, lease=timedelta(seconds=5))
    with receiving() as receiver:
        here = receiver.url(how)

        def send(url: str, headers: Any, body: bytes) -> Any:
            assert url.startswith(URL)
            return Sender(timeout_s=2, allow_private=True)(here, headers, body)

        courier = Courier(queue, send=send, pepper=PEPPER, clock=time.time, chance=lambda: 0.0)
        while claimed := queue.claim(50):  # of who has not answered yet, one at a time
            for one in claimed:
                if endpoint_id in {"", f"we_{one.endpoint_id.hex if one.endpoint_id else ''}"}:
                    courier.carry(one)
        assert client.get("/v1/webhook_event_types").status_code == 200
        return receiver.requests


def end_job(client: httpx.Client, **members: Any) -> str:
    job: str = submit(client, **members)["id"]
    assert client.post(f"/v1/jobs/{job}/cancel").status_code == 200
    return job


def test_an_endpoint_shows_its_secret_once(client: httpx.Client):
    made = created(client, event_types=["job.*"], name="crm")
    assert made["signing_secret"].startswith("whsec_")
    seen = client.get(f"{ALL}/{made['id']}").json()
    assert "signing_secret" not in seen
    assert seen == {key: value for key, value in made.items() if key != "signing_secret"}


def test_endpoints_are_listed_changed_and_deleted(client: httpx.Client):
    ids = [created(client)["id"] for _ in range(3)]
    first = client.get(ALL, params={"limit": 2}).json()
    assert [one["id"] for one in first["data"]] == [ids[2], ids[1]]
    rest = client.get(ALL, params={"limit": 2, "after": first["next_cursor"]}).json()
    assert [one["id"] for one in rest["data"]] == [ids[0]]
    for method in ("POST", "PATCH"):
        body = {"event_types": ["batch.completed"], "name": method}
        changed = client.request(method, f"{ALL}/{ids[0]}", json=body).json()
        assert (changed["name"], changed["event_types"]) == (method, ["batch.completed"])
        assert changed["url"] == URL
    assert client.delete(f"{ALL}/{ids[0]}").json()["deleted"] is True
    is_problem(client.get(f"{ALL}/{ids[0]}"), 404, "webhook_endpoint_not_found")


def test_other_tenants_see_nothing_of_it(client: httpx.Client, live: Live):
    endpoint = created(client)["id"]
    client.post(f"{ALL}/{endpoint}/test")
    delivery = client.get(f"{ALL}/{endpoint}/deliveries").json()["data"][0]["id"]
    with live.client(TenantId("somebody-else")) as other:
        for verb in ("rotate_secret", "enable", "disable", "test"):
            reply = other.post(f"{ALL}/{endpoint}/{verb}")
            is_problem(reply, 404, "webhook_endpoint_not_found")
        for verb in ("recover", "replay_missing"):
            reply = other.post(f"{ALL}/{endpoint}/{verb}", json={"since": "2026-01-01T00:00:00Z"})
            is_problem(reply, 404, "webhook_endpoint_not_found")
        for method, body in (("GET", None), ("DELETE", None), ("PATCH", {})):
            reply = other.request(method, f"{ALL}/{endpoint}", json=body)
            is_problem(reply, 404, "webhook_endpoint_not_found")
        is_problem(other.get(f"{ALL}/{endpoint}/deliveries"), 404, "webhook_endpoint_not_found")
        at = f"/v1/webhook_deliveries/{delivery}"
        is_problem(other.get(at), 404, "webhook_delivery_not_found")
        is_problem(other.post(f"{at}/replay"), 404, "webhook_delivery_not_found")
        assert other.get(ALL).json()["data"] == []
    assert client.get(f"{ALL}/{endpoint}").json()["status"] == "enabled"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"url": "http://hooks.example.com/"},
        {"url": "https://127.0.0.1/"},
        {"url": "https://localhost/"},
        {"url": URL, "event_types": []},
        {"url": URL, "event_types": ["job.exploded"]},
        {"url": URL, "payload": "huge"},
        {"url": URL, "secret": "mine"},
    ],
)
def test_an_endpoint_that_makes_no_sense_is_refused(client: httpx.Client, body: Any):
    is_problem(client.post(ALL, json=body), 422, "invalid_request")


def test_there_is_an_end_to_endpoints(client: httpx.Client):
    for _ in range(50):
        created(client)
    is_problem(client.post(ALL, json={"url": URL}), 422, "quota_reached")


def test_a_rotated_secret_signs_beside_the_old_one(client: httpx.Client, live: Live):
    made = created(client)
    keep = {"keep_old_secret_active_for_24_hours": True}
    rotated = client.post(f"{ALL}/{made['id']}/rotate_secret", json=keep).json()
    assert rotated["signing_secret"] != made["signing_secret"]
    until = datetime.fromisoformat(rotated["old_secret_active_until"])
    assert timedelta(hours=23) < until - datetime.now(UTC) < timedelta(hours=25)
    assert client.post(f"{ALL}/{made['id']}/test").status_code == 202
    (told,) = carried(live, client, "ok", made["id"])
    for secret in (made["signing_secret"], rotated["signing_secret"]):
        event = standardwebhooks.Webhook(secret).verify(told.body, told.headers)
        assert event["type"] == "webhook_endpoint.test"


@pytest.mark.parametrize("kind", [kind.value for kind in Announced])
def test_any_kind_can_be_tried_out(client: httpx.Client, live: Live, kind: str):
    made = created(client)
    reply = client.post(f"{ALL}/{made['id']}/test", json={"event_type": kind})
    assert reply.status_code == 202
    assert client.get(reply.headers["location"]).json()["event_type"] == kind
    (told,) = carried(live, client, "ok", made["id"])
    event = standardwebhooks.Webhook(made["signing_secret"]).verify(told.body, told.headers)
    # The receiver that our documents show prints this member.
    assert event["data"]["id"]
    assert event["data"]["object"] == kind.partition(".")[0]


def test_a_url_for_development_is_refused_with_the_setting_that_allows_it(client: httpx.Client):
    told = client.post(ALL, json={"url": "http://127.0.0.1:3000/hooks"}).json()["detail"]
    assert told.startswith("url must begin with https://; ")
    assert "AGENT_ALLOW_PRIVATE_WEBHOOKS=true" in told
    assert "AGENT_ALLOW" not in client.post(ALL, json={"url": "ftp://a.example/"}).json()["detail"]


def test_the_log_says_what_came_of_each_attempt(client: httpx.Client, live: Live):
    made = created(client)
    job = end_job(client)
    carried(live, client, "error", made["id"])
    (listed,) = client.get(f"{ALL}/{made['id']}/deliveries").json()["data"]
    assert (listed["job_id"], listed["status"], listed["tries"]) == (job, "pending", 1)
    seen = client.get(f"/v1/webhook_deliveries/{listed['id']}").json()
    (attempt,) = seen["attempts"]
    assert (attempt["status_code"], attempt["response"]) == (500, "sorry")
    assert client.get(f"{ALL}/{made['id']}").json()["failing_since"] is not None


def test_a_delivery_is_replayed_under_the_same_id(client: httpx.Client, live: Live):
    made = created(client)
    end_job(client)
    (first,) = carried(live, client, "ok", made["id"])
    (listed,) = client.get(f"{ALL}/{made['id']}/deliveries", params={"status": "succeeded"}).json()[
        "data"
    ]
    reply = client.post(f"/v1/webhook_deliveries/{listed['id']}/replay")
    assert (reply.status_code, reply.json()["status"]) == (202, "pending")
    (second,) = carried(live, client, "ok", made["id"])
    assert second.message_id == first.message_id == listed["event_id"]


def test_what_failed_and_what_was_missed_is_delivered_after_all(client: httpx.Client, live: Live):
    made = created(client)
    end_job(client)
    carried(live, client, "gone", made["id"])
    seen = client.get(f"{ALL}/{made['id']}").json()
    assert (seen["status"], seen["disabled_reason"]) == (
        "disabled",
        "the receiver answered 410 Gone",
    )
    end_job(client)  # while it takes nothing
    span = {"since": "2026-01-01T00:00:00Z"}
    for verb in ("recover", "replay_missing"):
        reply = client.post(f"{ALL}/{made['id']}/{verb}", json=span)
        is_problem(reply, 409, "webhook_endpoint_disabled")
    is_problem(client.post(f"{ALL}/{made['id']}/test"), 409, "webhook_endpoint_disabled")
    assert client.post(f"{ALL}/{made['id']}/enable").json()["status"] == "enabled"
    reply = client.post(f"{ALL}/{made['id']}/recover", json=span)
    assert (reply.status_code, reply.json()["deliveries"]) == (202, 1)
    # Of what happened meanwhile: the second job, and the endpoint's own end.
    assert client.post(f"{ALL}/{made['id']}/replay_missing", json=span).json()["deliveries"] == 2
    assert client.post(f"{ALL}/{made['id']}/replay_missing", json=span).json()["deliveries"] == 0
    assert len({one.message_id for one in carried(live, client, "ok", made["id"])}) == 3


def test_disabling_by_hand_keeps_the_reason(client: httpx.Client):
    made = created(client)
    seen = client.post(f"{ALL}/{made['id']}/disable", json={"reason": "moving house"}).json()
    assert (seen["status"], seen["disabled_reason"]) == ("disabled", "moving house")


def test_a_callback_is_signed_with_the_projects_secret(client: httpx.Client, live: Live):
    secret = client.get("/v1/webhook_secret").json()["signing_secret"]
    job = end_job(client, callback_url=URL + "?token=1")
    (told,) = carried(live, client, "ok", "we_")
    event = standardwebhooks.Webhook(secret).verify(told.body, told.headers)
    assert event["data"]["id"] == job
    (listed,) = client.get("/v1/webhook_deliveries").json()["data"]
    assert (listed["url"], listed["status"]) == (URL + "?token=1", "succeeded")
    rotated = client.post("/v1/webhook_secret/rotate").json()["signing_secret"]
    assert rotated != secret
    assert client.get("/v1/webhook_secret").json()["signing_secret"] == rotated


@pytest.mark.parametrize(
    "url", ["http://hooks.example.com/", "https://10.0.0.1/", "nowhere", "", "https://a:b@c.de/", 7]
)
def test_a_callback_that_can_never_be_called_is_refused(client: httpx.Client, url: Any):
    body = {"agent": "demo", "input": "x", "callback_url": url}
    problem = is_problem(client.post("/v1/jobs", json=body), 422, "invalid_request")
    assert problem["errors"][0]["pointer"] == "/callback_url"


def test_a_callback_that_will_fail_does_not_break_admission(client: httpx.Client):
    assert submit(client, callback_url="https://no-such-host.example.com/x")["status"] == "queued"


def test_deliveries_are_paged_with_their_filters(client: httpx.Client):
    made = created(client)
    for _ in range(3):
        client.post(f"{ALL}/{made['id']}/test")
    at = f"{ALL}/{made['id']}/deliveries"
    first = client.get(at, params={"limit": 2, "status": "pending"}).json()
    rest = client.get(
        at, params={"limit": 2, "status": "pending", "cursor": first["next_cursor"]}
    ).json()
    ids = [one["id"] for one in first["data"] + rest["data"]]
    assert len(set(ids)) == len(ids) == 3
    is_problem(client.get(at, params={"cursor": first["next_cursor"]}), 422, "invalid_cursor")
    is_problem(client.get(at, params={"status": "odd"}), 422, "invalid_request")
