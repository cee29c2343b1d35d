"""However small a page is, every list tells all of its rows, one after the other, and once."""

import json
from collections.abc import Iterator
from itertools import chain
from typing import Any
from uuid import uuid4

import httpx
import pytest

from agent_workers import Client
from agent_workers.domain.agents.version import NewVersion, Source
from agent_workers.domain.effect import EffectClass
from agent_workers.domain.ids import JobId, TenantId, to_wire
from agent_workers.domain.tools.tool import Call
from agent_workers.domain.tools.workspace import FileWish
from agent_workers.embedded.redis import EmbeddedRedis
from agent_workers.execution.agents.registry import load
from agent_workers.execution.tools.builtins import builtin_tools
from agent_workers.execution.tools.describing import described as declared
from agent_workers.state.catalogue.agents import Agents
from agent_workers.state.catalogue.tools import Tools
from agent_workers.state.database.engine import Database
from agent_workers.state.jobs.workspaces import JobWorkspace, Workspaces
from api.routes import described
from tests.integration.api.batch_calls import create
from tests.integration.api.live import AGENT, Live, running_api, submit
from tests.integration.api.schedule_calls import make
from tests.integration.state.acting import allow, doubt
from tests.integration.state.remembering import School
from tests.integration.state.world import World

_TOOLS = load(["agent_workers.demo.tools"], beside=builtin_tools()).tools
# Any: JSON, as OpenAPI has it.
_DOCUMENT: dict[str, Any] = json.loads(described())
# These have no rows of anybody; and of dead letters a list shows no bodies.
_NO_ROWS = {
    "/v1/schedules/{schedule_id}/preview",
    "/v1/webhook_event_types",
    "/v1/dead_letters",
}
_END = """
select count(stop_job(tenant_id, job_id, 'failed', '{"code":"x","message":"x"}', 'over', true)) from jobs
 where tenant_id = %s and finished_at is null"""
_AS_JSON = {"accept": "application/json"}
_STREAMS = ("/v1/batches/{batch_id}/results.jsonl", "/v1/memories.jsonl")


def _lists() -> Iterator[str]:
    """Every path whose `get` replies with a list, whoever adds one."""
    schemas = _DOCUMENT["components"]["schemas"]
    for path, operations in _DOCUMENT["paths"].items():
        for kind in (
            operations.get("get", {})
            .get("responses", {})
            .get("200", {})
            .get("content", {})
            .values()
        ):
            name = kind["schema"].get("$ref", "").rsplit("/", 1)[-1]
            if "next_cursor" in schemas.get(name, {}).get("properties", {}):
                yield path


LISTS = sorted(set(_lists()) - _NO_ROWS)


@pytest.fixture(scope="module")
def world(database: Database) -> World:
    return World(database, TenantId(f"rows-{uuid4().hex[:8]}"))


@pytest.fixture(scope="module")
def whole(live: Live, world: World) -> Iterator[httpx.Client]:
    with live.client(world.tenant) as client:
        yield client


@pytest.fixture(scope="module")
def narrow(database: Database, redis_server: EmbeddedRedis) -> Iterator[Live]:
    """A server whose pages are full with any row."""
    with running_api(database, redis_server.url, page_bytes=1) as running:
        yield running


@pytest.fixture(scope="module")
def cut(narrow: Live, world: World) -> Iterator[httpx.Client]:
    with narrow.client(world.tenant) as client:
        yield client


@pytest.fixture(scope="module")
def ids(world: World, whole: httpx.Client) -> dict[str, str]:
    """Make two of everything that is listed."""
    schedule, endpoint = make(whole), ""
    jobs = [_doubted(world) for _ in range(2)]
    for number, job in zip("12", jobs, strict=True):
        endpoint = _post(whole, "webhook_endpoints", url=f"https://a.example.com/{number}")["id"]
        _post(whole, "triggers", name=number, agent=AGENT, types=["x"])
        _post(whole, "mcp_servers", name=f"m{number}", url="https://mcp.example.com/mcp")
        _post(whole, f"sessions/s{number}/messages", role="user", content=number)
        _post(whole, "sessions/s1/messages", role="user", content=number)
        make(whole, name=number)
        _post(whole, f"schedules/{schedule['id']}/trigger", overlap="allow")
        School(world).teach("tea", job=job, subject=number)
        _write_file(world, jobs[0], f"{number}.txt")
    for _ in range(2):
        _post(whole, f"webhook_endpoints/{endpoint}/test")
        submit(whole, callback_url="https://a.example.com/done")
    batch = [create(whole, jobs=[{"agent": AGENT, "input": n} for n in "xy"]) for _ in "ab"]
    world.one(_END, world.tenant)
    new = [
        NewVersion(name=name, declared="", definition={}, source=Source.YAML, plan_timeout_ms=1)
        for name in ("reader", "writer")
    ]
    Agents(world.database).apply(new, tenant_id=world.tenant, by="ann")
    Tools(world.database).register([declared(_TOOLS[name]) for name in ("refund", "read_order")])
    return {
        "job_id": to_wire(jobs[0]),
        "session_id": "s1",
        "batch_id": batch[0]["id"],
        "schedule_id": schedule["id"],
        "endpoint_id": endpoint,
    }


def _doubted(world: World) -> JobId:
    effect = world.acting(EffectClass.UNSAFE)
    allow(world, effect)
    doubt(world, effect)
    return effect.job_id


def _post(client: httpx.Client, path: str, **members: object) -> dict[str, Any]:
    reply = client.post(f"/v1/{path}", json=members)
    assert reply.is_success, reply.text
    made: dict[str, Any] = reply.json()
    return made


def _write_file(world: World, job: JobId, path: str) -> None:
    call = Call(key="k", tenant_id=world.tenant, job_id=job, position=1, attempt=1)
    files = JobWorkspace(workspaces=Workspaces(world.database), call=call, most_bytes=1_000)
    statement = files.writing(FileWish(path=path, content=b"a"))
    with world.database.connection() as connection:
        connection.execute(statement.sql.encode(), statement.parameters)


def _pages(client: httpx.Client, path: str, ids: dict[str, str]) -> list[list[Any]]:
    """Follow a list to its end, by whatever parameter OpenAPI has for its cursor."""
    parameters = {one["name"] for one in _DOCUMENT["paths"][path]["get"]["parameters"]}
    cursor = "cursor" if "cursor" in parameters else "after"
    asked, pages = {"limit": "100"}, []
    while True:
        reply = client.get(path.format(**ids), params=asked, headers=_AS_JSON)
        assert reply.status_code == 200, reply.text
        page = reply.json()
        pages.append(page["data"])
        if not page["has_more"]:
            return pages
        assert page["next_cursor"] != asked.get(cursor), "it does not go on"
        asked[cursor] = page["next_cursor"]


@pytest.mark.parametrize("path", LISTS)
def test_a_page_that_is_full_has_one_row_and_the_next_one_the_next(
    whole: httpx.Client, cut: httpx.Client, ids: dict[str, str], path: str
) -> None:
    [rows], pages = _pages(whole, path, ids), _pages(cut, path, ids)
    assert list(chain.from_iterable(pages)) == rows
    assert len(rows) > 1
    # What a trace tells of one step is up to three rows.
    most = 3 if path.endswith("/trace") else 1
    assert max(len(page) for page in pages) <= most


@pytest.mark.parametrize("path", _STREAMS)
def test_a_stream_of_full_pages_is_the_whole(
    whole: httpx.Client, cut: httpx.Client, ids: dict[str, str], path: str
) -> None:
    lines = whole.get(path.format(**ids)).text.splitlines()
    assert cut.get(path.format(**ids)).text.splitlines() == lines
    assert len(lines) == 2


def test_a_page_of_full_pages_of_events_is_the_whole_journal(
    whole: httpx.Client, cut: httpx.Client, ids: dict[str, str]
) -> None:
    path = f"/v1/jobs/{ids['job_id']}/events"
    told = [
        client.get(path, headers={"accept": "text/event-stream"}).text for client in (whole, cut)
    ]
    assert told[0] == told[1]
    assert told[0].count("id: ") > 2


def _all_that_a_client_lists(live: Live, world: World, ids: dict[str, str]) -> list[list[Any]]:
    with Client(live.url, live.token(world.tenant)) as client:
        return [
            *(client.agents(), client.tools(), client.doubts(), list(client.each_job(most=3))),
            *(client.steps(ids["job_id"]), client.trace(ids["job_id"])),
            *(client.artifacts.all(ids["job_id"]), client.batches.all(limit=2)),
            *(client.mcp_servers.all(), client.memories.all(), client.schedules.all()),
            *(client.schedules.runs(ids["schedule_id"], most=2), client.sessions.all()),
            *(client.sessions.get_history("s1"), client.triggers.all(), client.webhooks.all()),
        ]


def test_the_client_goes_on_while_there_is_a_cursor(
    live: Live, narrow: Live, world: World, ids: dict[str, str]
) -> None:
    whole = _all_that_a_client_lists(live, world, ids)
    assert _all_that_a_client_lists(narrow, world, ids) == whole
    assert min(len(rows) for rows in whole) > 1


def test_every_list_is_found() -> None:
    assert {"/v1/jobs/{job_id}/events", "/v1/jobs/{job_id}/trace", "/v1/agents"} <= set(LISTS)
    assert len(LISTS) >= 20
