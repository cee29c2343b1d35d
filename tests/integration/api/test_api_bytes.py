"""Over HTTP a tenant that keeps as much as it may is told so, whatever it sends."""

import httpx
import pytest

from agent_workers.domain.ids import TenantId
from agent_workers.state.database.engine import Database
from tests.integration.api.batch_calls import create, line, upload
from tests.integration.api.live import AGENT, is_problem, submit
from tests.integration.state.keeping import fill

JOB = {"agent": AGENT, "input": "x"}
EVENT = {"specversion": "1.0", "id": "1", "source": "/s", "type": "x", "data": {}}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/jobs", JOB),
        ("/v1/batches", {"jobs": [JOB]}),
        ("/v1/sessions/s/messages", {"role": "user", "content": "x"}),
        ("/v1/events", EVENT),
    ],
)
@pytest.mark.parametrize("key", [{}, {"idempotency-key": "k"}], ids=["", "key"])
def test_what_it_sends_is_refused(
    client: httpx.Client,
    database: Database,
    tenant: TenantId,
    path: str,
    body: dict[str, object],
    key: dict[str, str],
) -> None:
    trigger = {"name": "all", "agent": AGENT, "types": ["x"]}
    assert client.post("/v1/triggers", json=trigger).status_code == 201
    fill(database, tenant)
    kind = "cloudevents+json" if body is EVENT else "json"
    reply = client.post(path, json=body, headers={"content-type": f"application/{kind}", **key})
    problem = is_problem(reply, 422, "quota_reached")
    assert problem["detail"] == "this tenant has reached its storage quota: 0 bytes"
    assert not problem["retryable"]


def test_items_and_events_are_refused_where_nobody_waits_for_them(
    client: httpx.Client, database: Database, tenant: TenantId
) -> None:
    job, batch = submit(client), create(client)
    fill(database, tenant)
    is_problem(upload(client, batch, [line(1)]), 422, "quota_reached")
    event = client.post(f"/v1/jobs/{job['id']}/events", json={"name": "x"})
    is_problem(event, 422, "quota_reached")


def test_a_key_still_stands_for_what_was_stored_under_it(
    client: httpx.Client, database: Database, tenant: TenantId
) -> None:
    key = {"idempotency-key": "k"}
    first = client.post("/v1/jobs", json=JOB, headers=key).json()
    fill(database, tenant)
    again = client.post("/v1/jobs", json=JOB, headers=key)
    assert (again.status_code, again.json()["id"]) == (202, first["id"])
