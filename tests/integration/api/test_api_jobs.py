"""Looking at jobs over HTTP: versions, long-polls, pages, steps and the trace."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
import pytest

from agent_workers.domain.decision import Continue
from agent_workers.domain.ids import JobId, TenantId, from_wire
from agent_workers.domain.step import Planned, ToolCall
from agent_workers.embedded.redis import EmbeddedRedis
from api.jobs.views import retry_after
from tests.integration.api.live import Live, is_problem, submit, until, waking
from tests.integration.state.world import FINISH, JOIN, World, use
from tests.support.timing import is_ever


def started(client: httpx.Client) -> tuple[str, JobId]:
    wire = submit(client)["id"]
    job = from_wire(wire)
    assert job is not None
    return wire, job


def finish(world: World, job: JobId) -> None:
    world.record(world.claim(job), FINISH)


def test_every_form_of_an_id_names_the_same_job(client: httpx.Client):
    wire, job = started(client)
    for form in (wire, f"resp_{job.hex}", job.hex, str(job)):
        assert client.get(f"/v1/jobs/{form}").json()["id"] == wire


@pytest.mark.parametrize("path", ["", "/steps", "/events", "/trace"])
def test_another_tenants_job_is_not_there(live: Live, client: httpx.Client, path: str):
    wire, _ = started(client)
    with live.client(TenantId(f"other-{uuid4().hex[:8]}")) as other:
        is_problem(other.get(f"/v1/jobs/{wire}{path}"), 404, "job_not_found")


@pytest.mark.parametrize("job_id", ["job_", "nonsense", "job_" + "0" * 32, "%00", "job_%ff"])
def test_an_id_of_no_job_is_a_404(client: httpx.Client, job_id: str):
    is_problem(client.get(f"/v1/jobs/{job_id}"), 404, "job_not_found")


def test_a_version_that_the_caller_has_is_not_sent_again(client: httpx.Client):
    wire, _ = started(client)
    reply = client.get(f"/v1/jobs/{wire}", headers={"if-none-match": '"1"'})
    assert reply.status_code == 304
    assert reply.content == b""
    assert reply.headers["etag"] == '"1"'
    other = client.get(f"/v1/jobs/{wire}", headers={"if-none-match": '"7"'})
    assert other.status_code == 200


def test_a_long_poll_ends_when_the_job_does(
    client: httpx.Client, world: World, redis_server: EmbeddedRedis
):
    def ends_at_once() -> bool:
        wire, job = started(client)
        waiting = threads.submit(client.get, f"/v1/jobs/{wire}?wait=30")
        begun = time.monotonic()
        finish(world, job)

        def woken() -> bool:
            wakeups.publish([job.hex])
            return waiting.done()

        until(woken)
        reply = waiting.result()
        assert reply.json()["status"] == "succeeded"
        assert reply.json()["output"] == "done"
        assert "retry-after" not in reply.headers
        return time.monotonic() - begun < 0.9  # woken, not found by the look once a second

    with ThreadPoolExecutor(1) as threads, waking(redis_server.url) as wakeups:
        assert is_ever(ends_at_once)


def test_a_long_poll_ends_within_a_second_without_any_wakeup(client: httpx.Client, world: World):
    wire, job = started(client)
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(client.get, f"/v1/jobs/{wire}?wait=30")
        time.sleep(0.2)
        finish(world, job)
        begun = time.monotonic()
        assert waiting.result().json()["status"] == "succeeded"
        assert time.monotonic() - begun < 10  # found by a look, not at the end of its 30 s


def test_a_long_poll_with_a_version_ends_at_any_change(client: httpx.Client, world: World):
    wire, job = started(client)
    with ThreadPoolExecutor(1) as threads:
        known = {"if-none-match": '"1"'}
        waiting = threads.submit(client.get, f"/v1/jobs/{wire}?wait=30", headers=known)
        world.claim(job)
        reply = waiting.result()
    assert reply.status_code == 200
    assert reply.json()["status"] == "running"


def test_a_long_poll_in_vain_shows_the_job_as_it_is(client: httpx.Client):
    wire, _ = started(client)
    assert client.get(f"/v1/jobs/{wire}?wait=1").json()["status"] == "queued"
    known = {"if-none-match": '"1"'}
    assert client.get(f"/v1/jobs/{wire}?wait=1", headers=known).status_code == 304


@pytest.mark.parametrize(
    "query", ["wait=61", "wait=-1", "wait=x", "wait=", "wat=1", "wait=1&wait=2"]
)
def test_a_query_that_is_not_understood_is_refused(client: httpx.Client, query: str):
    wire, _ = started(client)
    is_problem(client.get(f"/v1/jobs/{wire}?{query}"), 422, "invalid_request")


def test_the_older_a_job_the_longer_to_leave_it_alone():
    now = datetime.now(UTC)
    told = [retry_after(now - timedelta(seconds=age), now) for age in (0, 10, 60, 1_000)]
    assert told == [b"1", b"2", b"5", b"10"]


def test_pages_show_every_job_once_while_jobs_come_in(client: httpx.Client):
    before = [submit(client, input=str(n))["id"] for n in range(7)]
    seen: list[str] = []
    path = "/v1/jobs?limit=3"
    while path:
        reply = client.get(path)
        page = reply.json()
        seen += [job["id"] for job in page["data"]]
        assert page["has_more"] == ("next" in reply.links) == (page["next_cursor"] is not None)
        path = reply.links["next"]["url"] if page["has_more"] else ""
        submit(client)
    assert seen == before[::-1]


def test_a_page_leaves_out_what_may_be_large(client: httpx.Client):
    submit(client, input="x" * 1_000)
    listed = client.get("/v1/jobs").json()["data"][0]
    assert "input" not in listed
    assert "output" not in listed


def test_pages_can_be_filtered(client: httpx.Client, world: World):
    wire, job = started(client)
    other = submit(client, metadata={"color": "blue", "size": "xl"})
    finish(world, job)

    def ids(query: str) -> list[str]:
        return [one["id"] for one in client.get(f"/v1/jobs?{query}").json()["data"]]

    assert ids("status=succeeded") == [wire]
    assert ids("metadata[color]=blue") == [other["id"]]
    assert ids("metadata[color]=blue&metadata[size]=s") == []
    assert ids("agent=nobody") == []
    assert ids(f"created_after={other['created_at']}") == []
    assert len(ids("agent=demo&created_after=2020-01-01T00:00:00Z")) == 2


def test_a_cursor_of_another_list_is_refused(live: Live, client: httpx.Client):
    for _ in range(3):
        submit(client)
    cursor = client.get("/v1/jobs?limit=1").json()["next_cursor"]
    altered = cursor[:-3] + ("AAA" if cursor[-3:] != "AAA" else "BBB")
    for query in (f"cursor={altered}", f"cursor={cursor}&status=queued", "cursor=x", "cursor="):
        is_problem(client.get(f"/v1/jobs?{query}"), 422, "invalid_cursor")
    with live.client(TenantId("somebody else")) as other:
        is_problem(other.get(f"/v1/jobs?cursor={cursor}"), 422, "invalid_cursor")


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=101",
        "limit=1.5",
        "status=done",
        "created_after=2026",
        "metadata[]=x",
        "metadata[a]=1&metadata[a]=2",
        "agent=%00",
        "metadata[%00]=x",
        "sort=up",
        "limit=٣",
    ],
)
def test_a_filter_that_is_not_understood_is_refused(client: httpx.Client, query: str):
    is_problem(client.get(f"/v1/jobs?{query}"), 422, "invalid_request")


def test_steps_are_shown_with_what_was_stored(client: httpx.Client, world: World):
    wire, job = started(client)
    world.plan(job, use())
    world.record(world.claim(job, 1), JOIN)
    page = client.get(f"/v1/jobs/{wire}/steps?limit=2").json()
    kinds = [(step["kind"], step["status"], step["tool"]) for step in page["data"]]
    assert kinds == [("plan", "done", None), ("tool", "done", "pay")]
    assert page["data"][1]["arguments"] == {"amount": 1}
    assert page["data"][1]["outcome"] == {"ok": True}
    rest = client.get(f"/v1/jobs/{wire}/steps?after={page['next_cursor']}").json()
    assert [step["kind"] for step in rest["data"]] == ["evaluate"]


def test_the_trace_names_the_stages_in_their_order(client: httpx.Client, world: World):
    asked = {"message": "Please tell me the refund policy"}
    wire = submit(client, input=asked, metadata={"user_id": "u-01", "request_id": "req-001"})["id"]
    job = from_wire(wire)
    assert job is not None
    call = ToolCall(tool="pay", arguments=b'{"amount":1}')
    planned = Planned(calls=(call,), workflow="refund_flow")
    world.record(world.claim(job), Continue(outcome=planned, steps=(use(),)))
    world.record(world.claim(job, 1), JOIN)
    entries = client.get(f"/v1/jobs/{wire}/trace").json()["data"]
    assert [entry["stage"] for entry in entries] == [
        "gateway", "orchestrator", "tool_executor", "state_store",
    ]  # fmt: skip
    assert {entry["request_id"] for entry in entries} == {"req-001"}
    assert entries[0]["payload"] == {"request_id": "req-001", "user_id": "u-01", **asked}
    assert entries[1]["payload"] == {"workflow": "refund_flow", "tool": "pay"}
    assert entries[2]["payload"] == {"ok": True}
    assert entries[3]["payload"] == {
        "request_id": "req-001", "workflow": "refund_flow", "observation": {"ok": True},
    }  # fmt: skip
