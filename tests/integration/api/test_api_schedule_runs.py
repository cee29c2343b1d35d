"""What schedules did, over HTTP: runs out of turn, of the past, and in pages."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tests.integration.api.live import is_problem
from tests.integration.api.schedule_calls import HOURLY, instant, make, of
from tests.integration.state.schedule_world import Clockwork
from tests.integration.state.world import World


@pytest.fixture(autouse=True)
def _forgotten(world: World) -> Iterator[None]:
    yield
    Clockwork(world).forget_all()


def test_a_trigger_starts_a_job_at_once_and_names_it(client: httpx.Client):
    made = make(client, metadata={"team": "a"})
    run = client.post(of(made, "/trigger")).json()
    assert (run["status"], run["origin"]) == ("queued", "trigger")
    job = client.get(f"/v1/jobs/{run['job_id']}").json()
    assert job["input"] == {"city": "Oslo"}
    assert job["schedule_id"] == job["metadata"]["schedule_id"] == made["id"]
    listed = client.get("/v1/jobs", params={"metadata[schedule_id]": made["id"]}).json()
    assert [one["id"] for one in listed["data"]] == [run["job_id"]]
    assert client.post(of(made, "/trigger")).json()["skip_reason"] == "overlap"
    both = client.post(of(made, "/trigger"), json={"overlap": "allow"}).json()
    assert both["job_id"] not in {None, run["job_id"]}


def test_a_key_triggers_once(client: httpx.Client):
    made, key = make(client, overlap="allow"), {"idempotency-key": "once"}
    first = client.post(of(made, "/trigger"), headers=key)
    again = client.post(of(made, "/trigger"), headers=key)
    assert again.json() == first.json()
    assert again.headers["idempotency-replayed"] == "true"
    assert len(client.get(of(made, "/runs")).json()["data"]) == 1
    other = client.post(of(made, "/trigger"), headers=key, json={"overlap": "skip"})
    is_problem(other, 422, "idempotency_key_reused")


def test_a_backfill_runs_the_ticks_that_have_not_run(client: httpx.Client, world: World):
    made = make(client, **HOURLY, overlap="allow")
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    span = {
        "begin": (hour - timedelta(hours=3)).isoformat(),
        "end": (hour - timedelta(hours=1)).isoformat(),
    }
    assert client.post(of(made, "/backfill"), json=span).json()["runs"] == 3
    assert client.post(of(made, "/backfill"), json=span).json()["runs"] == 0
    Clockwork(world).fire(datetime.now(UTC))
    runs = client.get(of(made, "/runs")).json()["data"]
    assert [instant(run["scheduled_at"]) for run in runs] == [
        hour - timedelta(hours=n) for n in (1, 2, 3)
    ]
    assert {run["origin"] for run in runs} == {"backfill"}
    assert len({run["job_id"] for run in runs}) == 3


@pytest.mark.parametrize(
    ("begin", "end"),
    [
        ("2020-01-02T00:00:00Z", "2020-01-01T00:00:00Z"),
        ("2020-01-01T00:00:00Z", "2150-01-01T00:00:00Z"),
        ("2020-01-01T00:00:00Z", "2021-01-01T00:00:00Z"),  # more than a thousand hours
    ],
)
def test_a_backfill_has_bounds(client: httpx.Client, begin: str, end: str):
    made = make(client, **HOURLY)
    reply = client.post(of(made, "/backfill"), json={"begin": begin, "end": end})
    assert is_problem(reply, 422, "invalid_request")["errors"][0]["pointer"] == "/end"


def test_runs_come_in_pages_and_by_status(client: httpx.Client):
    made = make(client)
    for _ in range(3):
        client.post(of(made, "/trigger"))
    whole = client.get(of(made, "/runs")).json()["data"]
    assert [run["status"] for run in whole] == ["skipped", "skipped", "queued"]
    first = client.get(of(made, "/runs"), params={"limit": 2}).json()
    rest = client.get(of(made, "/runs"), params={"limit": 2, "cursor": first["next_cursor"]})
    assert first["data"] + rest.json()["data"] == whole
    skipped = client.get(of(made, "/runs"), params={"status": "skipped"}).json()["data"]
    assert skipped == whole[:2]
    is_problem(client.get(of(made, "/runs"), params={"status": "odd"}), 422, "invalid_request")


def test_a_batch_may_be_what_a_schedule_starts(client: httpx.Client):
    batch = {"items": [{"input": "a"}, {"input": "b"}], "job_template": {"agent": "demo"}}
    made = make(client, target={"batch": batch})
    assert made["target"] == {"batch": batch}
    run = client.post(of(made, "/trigger")).json()
    assert run["status"] == "running"
    shown = client.get(f"/v1/batches/{run['batch_id']}").json()
    assert (shown["item_count"], shown["metadata"]["schedule_id"]) == (2, made["id"])
