"""An agent that an operator retired takes no new jobs, however they come."""

from collections.abc import Iterator

import httpx
import pytest

from agent_workers.domain.agents.version import EVERYBODY
from agent_workers.domain.ids import TenantId
from agent_workers.state.catalogue.agents import Agents, Registered
from tests.integration.api.live import Live, is_problem
from tests.integration.api.schedule_calls import NIGHTLY

NAME = "retiring"
JOB = {"agent": NAME, "input": "x"}
SCHEDULE = NIGHTLY | {"target": {"job": JOB}}


@pytest.fixture
def agents(live: Live) -> Iterator[Agents]:
    agents = Agents(live.database)
    agents.register([Registered(name=NAME, version="", plan_timeout_ms=1000)])
    yield agents
    agents.restore(EVERYBODY, NAME)


@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        ("/v1/jobs", JOB, "/agent"),
        ("/v1/schedules", SCHEDULE, "/target/job/agent"),
        ("/v1/triggers", {"name": "when", "agent": NAME}, "/agent"),
        ("/v1/batches", {"items": [{"custom_id": "a"} | JOB]}, "/items/0/agent"),
    ],
)
def test_whatever_would_give_it_work_is_refused(
    live: Live, tenant: TenantId, agents: Agents, path: str, body: dict[str, object], pointer: str
):
    agents.retire(EVERYBODY, NAME)
    with live.client(tenant) as client:
        problem = is_problem(client.post(path, json=body), 422, "agent_retired")
    assert problem["errors"][0]["pointer"] == pointer
    assert problem["detail"] == "Agent 'retiring' was retired: it takes no new jobs."


def test_it_is_shown_as_retired_until_it_is_restored(live: Live, tenant: TenantId, agents: Agents):
    def retired_at(client: httpx.Client) -> object:
        return client.get(f"/v1/agents/{NAME}").json()["retired_at"]

    with live.client(tenant) as client:
        assert retired_at(client) is None
        agents.retire(EVERYBODY, NAME)
        assert retired_at(client) is not None
        agents.restore(EVERYBODY, NAME)
        assert client.post("/v1/jobs", json=JOB).status_code == 202


def test_a_worker_that_starts_with_it_is_told_and_takes_nothing_back(agents: Agents):
    again = Registered(name=NAME, version="", plan_timeout_ms=2000)
    assert agents.register([again]) == []
    agents.retire(EVERYBODY, NAME)
    assert agents.register([again]) == [NAME]
    pace = agents.known(TenantId("anybody"), NAME)
    assert pace is not None
    assert (pace.retired, pace.plan_timeout_ms) == (True, 2000)
