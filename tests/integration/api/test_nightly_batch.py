"""What docs/nightly-batch.md says works as it stands there."""

import json
import re
from typing import Any

import httpx

from agent_workers.domain.agents.agent import Agent
from agent_workers.domain.ids import TenantId
from agent_workers.state.batches.rows import Batches
from agent_workers.state.catalogue.agents import Agents, Registered
from agent_workers.state.database.engine import Database
from tests.integration.api.live import until
from tests.support.repository import ROOT

PAGE = ROOT / "docs/nightly-batch.md"


def test_the_page_s_agent_is_one():
    [block] = re.findall(r"```python\n(.+?)```", PAGE.read_text(), re.DOTALL)
    names: dict[str, object] = {}
    exec(compile(block, "night.py", "exec"), names)  # it is our own text
    assert isinstance(names["nightly"], Agent)


def test_the_page_s_schedule_makes_its_batch(
    client: httpx.Client, database: Database, tenant: TenantId
):
    Agents(database).register(
        [Registered(name="nightly", version="1", plan_timeout_ms=60_000)], tenant_id=tenant
    )
    [body] = re.findall(r"-d '(\{.+?\})'", PAGE.read_text(), re.DOTALL)
    made = client.post("/v1/schedules", json=json.loads(body))
    assert made.status_code == 201, made.text
    client.post(f"/v1/schedules/{made.json()['id']}/trigger")
    batches = Batches(database)

    def running() -> list[dict[str, Any]]:
        batches.keep()
        found: list[dict[str, Any]] = client.get("/v1/batches?status=running").json()["data"]
        return found

    until(lambda: running() and client.get("/v1/jobs").json()["data"])
    [batch] = running()
    items = client.get(batch["links"]["items"]).json()["data"]
    assert [one["custom_id"] for one in items] == ["north", "south"]
    job = client.get(f"/v1/jobs/{items[0]['job_id']}").json()
    assert (job["agent"], job["input"]) == ("nightly", {"region": "north"})
