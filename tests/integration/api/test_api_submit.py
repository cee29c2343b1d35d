"""Submitting jobs over HTTP: stored durably, answered at once, once per idempotency key."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
import pytest
from redis import Redis

from agent_workers.domain.ids import TenantId, from_wire
from agent_workers.embedded.redis import EmbeddedRedis
from tests.integration.api.live import AGENT, Live, is_problem, submit, until
from tests.integration.state.world import FINISH, World

ASKED = {"agent": AGENT, "input": {"message": "hello"}}


def test_a_submitted_job_is_stored_and_says_where_to_find_it(client: httpx.Client):
    reply = client.post("/v1/jobs", json=ASKED)
    assert reply.status_code == 202
    job = reply.json()
    assert reply.headers["location"] == f"/v1/jobs/{job['id']}"
    assert reply.headers["retry-after"] == "1"
    assert reply.headers["etag"] == '"1"'
    assert job["status"] == "queued"
    assert job["input"] == {"message": "hello"}
    assert client.get(reply.headers["location"]).json() == job


def test_a_submission_rings_the_plan_lane(client: httpx.Client, redis_server: EmbeddedRedis):
    with Redis.from_url(redis_server.url) as redis:
        redis.delete("aw:plan")
        submit(client)
        until(lambda: redis.llen("aw:plan") == 1)


def test_everything_that_may_be_asked_for_is_kept(client: httpx.Client, world: World):
    parent = submit(client)["id"]
    job = submit(
        client,
        metadata={"user_id": "u-01"},
        priority=5,
        delay=3600,
        deadline=7200,
        max_cost_usd="1.25",
        max_steps=7,
        parent_job_id=parent,
    )
    assert job["metadata"] == {"user_id": "u-01"}
    assert job["priority"] == 5
    assert job["progress"]["max_steps"] == 7
    assert job["parent_job_id"] == parent
    assert job["deadline_at"] > job["created_at"]
    stored = from_wire(job["id"])
    assert stored is not None
    assert world.job(stored, "allowance_micro") == 1_250_000


def test_a_priority_does_not_bring_a_job_before_its_time(client: httpx.Client, world: World):
    job = from_wire(submit(client, priority=100, delay=60)["id"])
    assert job is not None
    assert world.step(job, 0, "due_at > clock_timestamp() + interval '50 seconds'")
    urgent = from_wire(submit(client, priority=100)["id"])
    assert urgent is not None
    assert world.step(urgent, 0, "due_at < clock_timestamp() - interval '99 minutes'")


def test_jobs_that_arrive_together_are_all_stored(client: httpx.Client, world: World):
    with ThreadPoolExecutor(16) as threads:
        jobs = list(threads.map(lambda n: submit(client, input=f"number {n}"), range(100)))
    assert {job["input"] for job in jobs} == {f"number {n}" for n in range(100)}
    count = "select count(*) from jobs where tenant_id = %s"
    assert world.one(count, world.tenant) == 100


def test_a_finished_job_is_answered_with_200_when_the_caller_prefers_to_wait(
    client: httpx.Client, world: World
):
    with ThreadPoolExecutor(1) as threads:
        prefer = {"prefer": "wait=10"}
        waiting = threads.submit(client.post, "/v1/jobs", json=ASKED, headers=prefer)
        jobs: list[dict[str, str]] = []
        while not jobs:
            jobs = client.get("/v1/jobs").json()["data"]
        job = from_wire(jobs[0]["id"])
        assert job is not None
        world.record(world.claim(job), FINISH)
        reply = waiting.result()
    assert reply.status_code == 200
    assert reply.headers["preference-applied"] == "wait=10"
    assert reply.json()["output"] == "done"


def test_the_same_key_with_the_same_body_gives_the_same_job(client: httpx.Client):
    key = {"idempotency-key": uuid4().hex}
    first = client.post("/v1/jobs", json=ASKED, headers=key)
    again = client.post(
        "/v1/jobs", json=ASKED, headers={"idempotency-key": f'"{key["idempotency-key"]}"'}
    )
    assert first.status_code == again.status_code == 202
    assert first.json()["id"] == again.json()["id"]
    assert first.headers["location"] == again.headers["location"]
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["idempotency-key-expires-at"].endswith("Z")


def test_the_order_and_spacing_of_a_body_do_not_make_it_another(client: httpx.Client):
    headers = {"idempotency-key": uuid4().hex, "content-type": "application/json"}
    one = client.post("/v1/jobs", content=b'{"agent":"demo","input":"x"}', headers=headers)
    two = client.post("/v1/jobs", content=b'{ "input": "x", "agent": "demo" }', headers=headers)
    assert one.json()["id"] == two.json()["id"]


def test_a_key_that_was_used_with_another_body_is_refused(client: httpx.Client):
    key = {"idempotency-key": uuid4().hex}
    client.post("/v1/jobs", json=ASKED, headers=key)
    other = client.post("/v1/jobs", json=ASKED | {"input": "other"}, headers=key)
    is_problem(other, 422, "idempotency_key_reused")


def test_twenty_twins_at_once_make_one_job(client: httpx.Client, world: World):
    key = {"idempotency-key": uuid4().hex}
    with ThreadPoolExecutor(20) as threads:
        post = lambda _: client.post("/v1/jobs", json=ASKED, headers=key)  # noqa: E731
        replies = list(threads.map(post, range(20)))
    assert {reply.status_code for reply in replies} == {202}
    assert len({reply.json()["id"] for reply in replies}) == 1
    replayed = Counter(reply.headers.get("idempotency-replayed") for reply in replies)
    assert replayed == {None: 1, "true": 19}
    assert world.one("select count(*) from jobs where tenant_id = %s", world.tenant) == 1


def test_a_twin_of_a_key_in_flight_is_told_to_come_again(client: httpx.Client, world: World):
    key = uuid4().hex
    insert = """insert into idempotency_keys (tenant_id, key, fingerprint, job_id, expires_at)
                values (%s, %s, 'x', gen_random_uuid(), now() + interval '1 day')"""
    with world.database.transaction() as connection:
        connection.execute(insert, (world.tenant, key))
        reply = client.post("/v1/jobs", json=ASKED, headers={"idempotency-key": key})
    problem = is_problem(reply, 409, "idempotency_key_in_flight")
    assert problem["retryable"]
    assert reply.headers["retry-after"] == "1"
    assert "x-should-retry" not in reply.headers


def test_keys_of_two_tenants_do_not_meet(live: Live, client: httpx.Client):
    key = {"idempotency-key": uuid4().hex}
    with live.client(TenantId(f"other-{uuid4().hex[:8]}")) as other:
        one = client.post("/v1/jobs", json=ASKED, headers=key)
        two = other.post("/v1/jobs", json=ASKED, headers=key)
    assert one.json()["id"] != two.json()["id"]


@pytest.mark.parametrize("key", ["", "x" * 256, "ä", 'a"b', "a b"])
def test_a_key_that_is_no_key_is_refused(client: httpx.Client, key: str):
    reply = client.post("/v1/jobs", json=ASKED, headers={b"idempotency-key": key.encode("latin-1")})
    is_problem(reply, 422, "invalid_request")


def test_a_used_up_budget_is_a_429(client: httpx.Client, world: World):
    world.one(
        "insert into budgets (tenant_id, budget_id, limit_micro) values (%s, 'month', 1000000)",
        world.tenant,
    )
    taken = client.post("/v1/jobs", json=ASKED | {"max_cost_usd": 0.6})
    assert taken.status_code == 202
    refused = client.post("/v1/jobs", json=ASKED | {"max_cost_usd": 0.6})
    is_problem(refused, 429, "budget_exceeded")
    assert int(refused.headers["retry-after"]) <= 120


def test_the_callers_request_id_goes_into_the_trace(client: httpx.Client):
    job = client.post("/v1/jobs", json=ASKED, headers={"x-request-id": "req-001"}).json()
    trace = client.get(f"/v1/jobs/{job['id']}/trace").json()["data"]
    assert trace[0]["stage"] == "gateway"
    assert trace[0]["request_id"] == "req-001"
    assert trace[0]["payload"]["message"] == "hello"


def test_a_key_finds_its_job_also_after_the_deadline_that_the_body_names(client: httpx.Client):
    at = datetime.now(UTC) + timedelta(seconds=1.5)
    asked, key = ASKED | {"deadline": at.isoformat()}, {"idempotency-key": "late"}
    first = client.post("/v1/jobs", json=asked, headers=key)
    assert first.status_code == 202
    until(lambda: datetime.now(UTC) > at)
    again = client.post("/v1/jobs", json=asked, headers=key)
    assert (again.json()["id"], again.headers["idempotency-replayed"]) == (
        first.json()["id"],
        "true",
    )
    problem = is_problem(client.post("/v1/jobs", json=asked), 422, "invalid_request")
    assert "has passed: it is " in problem["detail"]
