"""Agents over HTTP: what is current, which versions there are, and which one a job is pinned to."""

from collections.abc import Iterator, Mapping

import httpx
import pytest

from agent_workers.domain.agents.version import EVERYBODY, NewVersion, Source, digest_of
from agent_workers.domain.ids import TenantId
from agent_workers.state.catalogue.agents import Agents
from tests.integration.api.live import Live

FIRST = {"name": "writer", "model": "scripted/small", "tools": []}
SECOND = FIRST | {"model": "scripted/large"}


def apply(live: Live, tenant: TenantId, definition: Mapping[str, object]) -> None:
    new = NewVersion(
        name=str(definition["name"]),
        declared="",
        definition=definition,
        source=Source.YAML,
        plan_timeout_ms=60_000,
    )
    Agents(live.database).apply([new], tenant_id=tenant, by="ann")


@pytest.fixture
def writer(live: Live, tenant: TenantId) -> Iterator[httpx.Client]:
    apply(live, tenant, FIRST)
    apply(live, tenant, SECOND)
    with live.client(tenant) as client:
        yield client


def test_an_agent_is_shown_with_its_versions_the_latest_first(writer: httpx.Client):
    agent = writer.get("/v1/agents/writer").json()
    assert (agent["version"], agent["definition"]) == ("2", SECOND)
    assert [one["version"] for one in agent["versions"]] == ["2", "1"]
    first = agent["versions"][1]
    assert (first["digest"], first["source"], first["created_by"]) == (
        digest_of(FIRST),
        "yaml",
        "ann",
    )


def test_an_old_version_is_still_shown(writer: httpx.Client):
    version = writer.get("/v1/agents/writer/versions/1").json()
    assert (version["object"], version["version"], version["definition"]) == (
        "agent_version",
        "1",
        FIRST,
    )


@pytest.mark.parametrize("path", ["nobody", "writer/versions/3", "nobody/versions/1", "a%00b"])
def test_what_is_not_there_is_not_found(writer: httpx.Client, path: str):
    reply = writer.get(f"/v1/agents/{path}")
    assert (reply.status_code, reply.json()["code"]) == (404, "agent_not_found")


@pytest.mark.usefixtures("writer")
def test_another_tenant_sees_nothing_of_it(live: Live):
    with live.client(TenantId("stranger")) as stranger:
        assert stranger.get("/v1/agents/writer").status_code == 404
        assert stranger.get("/v1/agents/writer/versions/1").status_code == 404


def test_a_misspelt_agent_is_told_with_the_nearest_one_of_the_tenant(writer: httpx.Client):
    reply = writer.post("/v1/jobs", json={"agent": "writter", "input": "x"})
    assert (reply.status_code, reply.json()["code"]) == (422, "unknown_agent")
    assert reply.json()["detail"].endswith("'writter'; did you mean 'writer'?")


@pytest.mark.usefixtures("writer")
def test_the_agents_of_another_tenant_are_not_told(live: Live):
    with live.client(TenantId("stranger")) as stranger:
        reply = stranger.post("/v1/jobs", json={"agent": "writter", "input": "x"})
    assert reply.json()["detail"].endswith("an agent 'writter'.")


def test_the_prompts_of_an_agent_are_shown_to_its_own_tenant_only(
    live: Live, tenant: TenantId, writer: httpx.Client
):
    prompts = {"instructions": "Hush {{x}}.", "prompts": {"plan": "p"}, "variables": {"x": "y"}}
    told = FIRST | prompts | {"prompt_hashes": {"instructions": "…"}}
    apply(live, EVERYBODY, told | {"name": "everybodys"})
    apply(live, tenant, told)
    for path in ("", "/versions/1"):
        shown = writer.get(f"/v1/agents/everybodys{path}").json()["definition"]
        assert shown.keys() == told.keys() - prompts.keys()
    assert writer.get("/v1/agents/writer").json()["definition"] == told
    assert writer.get("/v1/agents/writer/versions/3").json()["definition"] == told


def test_a_job_says_which_version_it_is_pinned_to(
    live: Live, tenant: TenantId, writer: httpx.Client
):
    posted = writer.post("/v1/jobs", json={"agent": "writer", "input": "x"}).json()
    apply(live, tenant, FIRST)
    read = writer.get(f"/v1/jobs/{posted['id']}").json()
    assert (posted["agent_version"], read["agent_version"]) == ("2", "2")
