"""Schedules over HTTP: made, changed, stopped, looked at, and fired out of turn."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from agent_workers.domain.ids import TenantId
from tests.integration.api.live import Live, is_problem
from tests.integration.api.schedule_calls import HOURLY, JOB, NIGHTLY, instant, make, of
from tests.integration.state.schedule_world import Clockwork
from tests.integration.state.world import World


@pytest.fixture(autouse=True)
def _forgotten(world: World) -> Iterator[None]:
    yield
    Clockwork(world).forget_all()


def test_a_schedule_is_shown_as_it_was_asked_for(client: httpx.Client):
    made = make(client, name="Every night", metadata={"team": "a"}, jitter_s=60, overlap="queue")
    shown = client.get(of(made)).json()
    assert shown == made
    expected = NIGHTLY | {"name": "Every night", "metadata": {"team": "a"}, "overlap": "queue"}
    assert {name: shown[name] for name in expected} == expected
    assert (shown["status"], shown["catch_up"], shown["version"]) == ("active", "last", 1)
    assert instant(shown["next_run_at"]) > datetime.now(UTC)


@pytest.mark.parametrize(
    ("members", "pointer"),
    [
        ({"expression": "0 0 30 2 *"}, "/expression"),
        ({"expression": "nonsense"}, "/expression"),
        ({"expression": None}, "/expression"),
        ({"timezone": "Mars/Olympus"}, "/timezone"),
        ({"interval_s": 5}, "/interval_s"),
        ({"type": "once", "expression": None}, "/run_at"),
        ({"type": "once", "expression": None, "run_at": "2020-01-01T00:00:00Z"}, "/run_at"),
        ({"type": "interval", "expression": None, "interval_s": 0}, "/interval_s"),
        ({"end_at": "2020-01-01T00:00:00Z"}, "/end_at"),
        ({"start_at": "0001-01-01T00:00:00Z"}, "/start_at"),
        ({"overlap": "perhaps"}, "/overlap"),
        ({"target": {}}, "/target"),
        ({"target": {"job": {"agent": "demo", "input": "x" * 262_144}}}, "/target"),
        ({"target": {"job": {"agent": "demo"}}}, "/target/job/input"),
        ({"target": {"job": JOB["job"] | {"delay": 5}}}, "/target/job/delay"),
        ({"target": {"batch": {"jobs": []}}}, "/target/batch/items"),
        ({"target": {"batch": {"jobs": [{"agent": "demo"}]}}}, "/target/batch/jobs/0/input"),
        ({"strange": 1}, "/strange"),
    ],
)
def test_a_mistake_is_told_with_its_place(
    client: httpx.Client, members: dict[str, Any], pointer: str
):
    body = NIGHTLY | members
    problem = is_problem(client.post("/v1/schedules", json=body), 422, "invalid_request")
    assert problem["errors"][0]["pointer"] == pointer, problem


def test_a_cron_schedule_must_say_its_zone(client: httpx.Client):
    body = {name: value for name, value in NIGHTLY.items() if name != "timezone"}
    problem = is_problem(client.post("/v1/schedules", json=body), 422, "invalid_request")
    assert problem["errors"][0]["pointer"] == "/timezone"


def test_an_agent_that_nobody_serves_is_refused(client: httpx.Client):
    body = NIGHTLY | {"target": {"job": {"agent": "nobody", "input": ""}}}
    problem = is_problem(client.post("/v1/schedules", json=body), 422, "unknown_agent")
    assert problem["errors"][0]["pointer"] == "/target/job/agent"


def test_a_key_makes_one_schedule(client: httpx.Client):
    key = {"idempotency-key": "once"}
    first = client.post("/v1/schedules", json=NIGHTLY, headers=key)
    again = client.post("/v1/schedules", json=NIGHTLY, headers=key)
    assert again.json() == first.json()
    assert again.headers["idempotency-replayed"] == "true"
    other = client.post("/v1/schedules", json=HOURLY, headers=key)
    is_problem(other, 422, "idempotency_key_reused")


def test_a_change_changes_what_it_says_and_nothing_else(client: httpx.Client):
    made = make(client, name="before")
    changed = client.patch(of(made), json={"name": "after"}).json()
    kept = {"name", "version", "updated_at"}
    assert {n: v for n, v in changed.items() if n not in kept} == {
        n: v for n, v in made.items() if n not in kept
    }
    assert (changed["name"], changed["version"]) == ("after", 2)
    hourly = client.patch(of(made), json={"expression": "0 * * * *"}).json()
    assert instant(hourly["next_run_at"]) <= datetime.now(UTC) + timedelta(hours=1)


def test_a_schedule_may_become_one_of_another_type(client: httpx.Client):
    made = make(client)
    changed = client.patch(of(made), json={"type": "interval", "interval_s": 60}).json()
    assert (changed["type"], changed["interval_s"], changed["expression"]) == ("interval", 60, None)
    problem = is_problem(
        client.patch(of(made), json={"run_at": "2100-01-01T00:00:00Z"}), 422, "invalid_request"
    )
    assert problem["errors"][0]["pointer"] == "/run_at"


def test_a_paused_schedule_has_no_next_run_until_it_is_resumed(client: httpx.Client):
    made = make(client)
    for _ in range(2):
        paused = client.post(of(made, "/pause")).json()
        assert (paused["status"], paused["next_run_at"]) == ("paused", None)
    assert client.patch(of(made), json={"expression": "0 5 * * *"}).json()["next_run_at"] is None
    resumed = client.post(of(made, "/resume")).json()
    assert resumed["status"] == "active"
    assert instant(resumed["next_run_at"]).minute == 0


def test_the_preview_tells_the_next_times_over_a_moved_clock(client: httpx.Client):
    made = make(client, start_at="2031-03-29T00:00:00Z")
    listed = client.get(of(made, "/preview"), params={"n": 3}).json()
    assert listed["data"] == [
        "2031-03-29T01:30:00Z",
        "2031-03-30T01:00:00Z",  # there is no 02:30 that night
        "2031-03-31T00:30:00Z",
    ]


def test_schedules_come_in_pages_the_newest_first(client: httpx.Client):
    made = [make(client, name=str(n)) for n in range(3)]
    client.post(of(made[0], "/pause"))
    first = client.get("/v1/schedules", params={"limit": 2}).json()
    rest = client.get("/v1/schedules", params={"limit": 2, "cursor": first["next_cursor"]})
    names = [one["name"] for one in first["data"] + rest.json()["data"]]
    assert names == ["2", "1", "0"]
    paused = client.get("/v1/schedules", params={"status": "paused"}).json()["data"]
    assert [one["name"] for one in paused] == ["0"]


def test_what_is_deleted_is_gone_and_its_jobs_are_not(client: httpx.Client):
    made = make(client)
    job = client.post(of(made, "/trigger")).json()["job_id"]
    assert client.delete(of(made)).status_code == 204
    is_problem(client.get(of(made)), 404, "schedule_not_found")
    is_problem(client.delete(of(made)), 404, "schedule_not_found")
    assert client.get(f"/v1/jobs/{job}").status_code == 200


@pytest.mark.parametrize(
    ("method", "rest"),
    [("GET", ""), ("DELETE", ""), ("PATCH", ""), ("GET", "/runs"), ("GET", "/preview")]
    + [("POST", f"/{verb}") for verb in ("pause", "resume", "trigger")],
)
def test_other_tenants_schedules_do_not_exist(
    client: httpx.Client, live: Live, method: str, rest: str
):
    made = make(client)
    with live.client(TenantId("somebody else")) as other:
        body: dict[str, str] | None = {} if method in {"PATCH", "POST"} else None
        is_problem(other.request(method, of(made, rest), json=body), 404, "schedule_not_found")
        is_problem(
            other.request(method, f"/v1/schedules/odd{rest}", json=body),
            404,
            ("schedule_not_found"),
        )
