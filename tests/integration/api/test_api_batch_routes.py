"""The routes of batches: created once, shown, listed, canceled, and their results read."""

import json
from typing import Any

import httpx
import pytest

from agent_workers.domain.ids import JobId, TenantId, from_wire
from tests.integration.api.batch_calls import create, line, show, upload
from tests.integration.api.live import AGENT, Live, is_problem
from tests.integration.state.batching import FAIL, FINISH
from tests.integration.state.world import World

JOB = {"agent": AGENT, "input": "x"}


def jobs(count: int) -> list[dict[str, Any]]:
    return [{"custom_id": f"c{n}", "agent": AGENT, "input": {"n": n}} for n in range(count)]


def end(world: World, item: dict[str, Any], *, well: bool = True) -> None:
    job_id = from_wire(item["job_id"])
    assert job_id is not None
    world.record(world.claim(JobId(job_id)), FINISH if well else FAIL)


def items(client: httpx.Client, batch: dict[str, Any], **query: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get(batch["links"]["items"], params=query).json()["data"]
    return found


def test_jobs_given_inline_begin_at_once(client: httpx.Client):
    batch = create(client, jobs=jobs(3), concurrency=2, metadata={"night": "1"})
    assert (batch["status"], batch["metadata"]) == ("running", {"night": "1"})
    assert batch["counts"]["running"] == 2
    assert [one["custom_id"] for one in items(client, batch, status="pending")] == ["c2"]


def test_items_over_a_template_need_no_custom_id(client: httpx.Client):
    batch = create(client, job_template=JOB, items=[{}, {"input": "y"}])
    assert [one["custom_id"] for one in items(client, batch)] == ["0", "1"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"jobs": [JOB], "items": [{}]}, "/items"),
        ({"jobs": [JOB], "job_template": JOB}, "/job_template"),
        ({"job_template": {"colour": "red"}}, "/job_template"),
        ({"jobs": [JOB, {"agent": AGENT}]}, "/jobs/1/input"),
        ({"jobs": [JOB, {**JOB, "agent": "nobody"}]}, "/jobs/1/agent"),
        ({"jobs": [{**JOB, "custom_id": "a"}] * 2 + [JOB]}, None),
        ({"jobs": [{**JOB, "custom_id": "1"}, {**JOB, "input": "other"}]}, "/jobs/1/custom_id"),
        ({"jobs": [{**JOB, "delay": 1}]}, "/jobs/0/delay"),
        ({"jobs": [JOB] * 1_001}, "/jobs"),
        ({"concurrency": 0}, "/concurrency"),
        ({"on_error": "explode"}, "/on_error"),
        ({"dead_line": 5}, "/dead_line"),
    ],
)
def test_what_cannot_be_is_told_with_its_place(
    client: httpx.Client, body: dict[str, Any], pointer: str | None
):
    reply = client.post("/v1/batches", json=body)
    if pointer is None:
        assert reply.json()["item_count"] == 2  # the same item twice is one
        return
    assert reply.status_code == 422, reply.text
    assert reply.json()["errors"][0]["pointer"] == pointer


def test_to_json_a_whole_number_may_have_a_point(client: httpx.Client):
    batch = create(client, concurrency=68.0)
    assert batch["concurrency"] == 68
    assert client.post(batch["links"]["start"], json={"item_count": 0.0}).status_code == 202


def test_a_key_makes_one_batch_whoever_asks_again(client: httpx.Client):
    body, key = {"jobs": jobs(2)}, {"idempotency-key": "nightly-1"}
    first = client.post("/v1/batches", json=body, headers=key)
    again = client.post("/v1/batches", json=body, headers=key)
    assert again.json()["id"] == first.json()["id"]
    assert again.headers["idempotency-replayed"] == "true"
    other = client.post("/v1/batches", json={"jobs": jobs(3)}, headers=key)
    is_problem(other, 422, "idempotency_key_reused")
    assert len(client.get("/v1/batches").json()["data"]) == 1
    assert len(client.get("/v1/jobs").json()["data"]) == 2


def test_results_are_a_line_for_each_item_that_has_ended(client: httpx.Client, world: World):
    batch = create(client, jobs=jobs(3), concurrency=3)
    first, second, _ = items(client, batch)
    end(world, first)
    end(world, second, well=False)
    reply = client.get(batch["links"]["results"])
    assert reply.headers["content-type"].startswith("application/x-ndjson")
    found = {one["custom_id"]: one for one in map(json.loads, reply.text.splitlines())}
    assert set(found) == {"c0", "c1"}
    assert (found["c0"]["status"], found["c0"]["output"]) == ("succeeded", "done")
    assert found["c1"]["error"]["code"] == "no"
    assert show(client, batch)["counts"] == {
        "pending": 0,
        "running": 1,
        "succeeded": 1,
        "failed": 1,
        "canceled": 0,
    }


def test_a_canceled_batch_ends_and_says_so_again(client: httpx.Client):
    batch = create(client, jobs=jobs(5), concurrency=2)
    for _ in range(2):
        reply = client.post(batch["links"]["cancel"], json={"reason": "enough"})
        assert reply.status_code == 200
        assert (reply.json()["status"], reply.json()["reason"]) == ("canceled", "enough")
    assert show(client, batch)["counts"]["canceled"] == 5
    assert client.get("/v1/jobs?status=canceled").json()["data"][0]["batch_id"] == batch["id"]
    is_problem(client.post(batch["links"]["start"]), 409, "batch_not_open")


def test_a_completed_batch_cannot_be_canceled(client: httpx.Client):
    batch = create(client, jobs=[])
    assert batch["status"] == "completed"
    is_problem(client.post(batch["links"]["cancel"]), 409, "illegal_move")


def test_lists_come_in_pages(client: httpx.Client):
    made = [create(client)["id"] for _ in range(3)]
    page = client.get("/v1/batches?limit=2").json()
    rest = client.get(f"/v1/batches?limit=2&cursor={page['next_cursor']}").json()
    assert [one["id"] for one in page["data"] + rest["data"]] == made[::-1]
    assert rest["next_cursor"] is None
    assert client.get("/v1/batches?status=running").json()["data"] == []
    is_problem(client.get("/v1/batches?status=strange"), 422, "invalid_request")
    batch = create(client)
    upload(client, batch, [line(n) for n in range(5)])
    first = client.get(batch["links"]["items"], params={"limit": "3"}).json()
    more = client.get(batch["links"]["items"], params={"after": first["next_cursor"]}).json()
    assert [one["number"] for one in first["data"] + more["data"]] == [1, 2, 3, 4, 5]


def test_a_batch_is_nobody_elses(live: Live, client: httpx.Client):
    batch = create(client, jobs=jobs(1))
    with live.client(TenantId("a neighbour")) as other:
        for link in ("self", "items", "results"):
            is_problem(other.get(batch["links"][link]), 404, "batch_not_found")
        is_problem(other.post(batch["links"]["cancel"]), 404, "batch_not_found")
        is_problem(upload(other, batch, [line(1)]), 404, "batch_not_found")
        assert other.get("/v1/batches").json()["data"] == []
    is_problem(client.get("/v1/batches/batch_nonsense"), 404, "batch_not_found")
