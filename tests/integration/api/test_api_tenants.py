"""Another tenant's key and our ids: everything answers 404, and nothing of ours changes."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
import pytest

from agent_workers.domain.agents.version import NewVersion, Source
from agent_workers.domain.effect import EffectClass
from agent_workers.domain.ids import MEMORY_ID, JobId, TenantId, to_wire
from agent_workers.domain.tools.tool import Call
from agent_workers.domain.tools.workspace import FileWish
from agent_workers.state.catalogue.agents import Agents
from agent_workers.state.database.engine import Database
from agent_workers.state.jobs.workspaces import JobWorkspace, Workspaces
from api.routes import described
from tests.integration.api.batch_calls import create
from tests.integration.api.live import AGENT, Live, submit
from tests.integration.api.schedule_calls import make
from tests.integration.state.acting import allow, doubt
from tests.integration.state.remembering import School
from tests.integration.state.world import World

URL = "https://receiver.example.com/in"
SPAN = {"since": "2026-01-01T00:00:00Z"}
# What these want to be asked with; the others take nothing, or an empty object.
BODIES: dict[str, object] = {
    "/v1/jobs/{job_id}/events": {"name": "x"},
    "/v1/jobs/{job_id}/input": {"responses": {"x": 1}},
    "/v1/doubts/{effect_key}/verdict": {"verdict": "abandon", "reason": "x"},
    "/v1/schedules/{schedule_id}/backfill": {
        "begin": "2026-01-01T00:00:00Z",
        "end": "2026-01-02T00:00:00Z",
    },
    "/v1/sessions/{session_id}/messages": {"role": "user", "content": "x"},
    "/v1/webhook_endpoints/{endpoint_id}/recover": SPAN,
    "/v1/webhook_endpoints/{endpoint_id}/replay_missing": SPAN,
}
# Any: JSON, as OpenAPI has it.
PATHS: dict[str, dict[str, Any]] = json.loads(described())["paths"]
# The tools that workers have are everybody's.
OPERATIONS = [
    (verb, path)
    for path, operations in PATHS.items()
    for verb in operations
    if "{" in path and path != "/v1/tools/{name}"
]
# A session is begun by its first message, so this makes one of the stranger's, of the same name.
OWN = {
    ("post", "/v1/sessions/{session_id}/messages"),
    ("get", "/v1/sessions/{session_id}/messages"),
}
_TABLES = """
select array_agg(c.relname::text) from pg_class c join pg_attribute a on attrelid = c.oid
 where attname = 'tenant_id' and relkind = 'r' and relnamespace = 'agent_workers'::regnamespace"""
_ROWS = (
    "(select string_agg(r::text, e'\\n' order by r::text) from {0} r where tenant_id = %(ours)s)"
)


@dataclass(frozen=True, kw_only=True)
class Ours:
    """A tenant that has one of everything, and the ids by which it is asked for."""

    world: World
    client: httpx.Client
    ids: dict[str, str]

    def path(self, path: str) -> str:
        return path.format(**{**self.ids, "name": self.ids.get(path.split("/")[2], "")})

    def dump(self) -> dict[str, object]:
        """Every row of ours, as text."""
        tables: list[str] = self.world.one(_TABLES)
        rows = "select array[" + ", ".join(_ROWS.format(table) for table in tables) + "]"
        with self.world.database.connection() as connection:
            found = connection.execute(rows.encode(), {"ours": self.world.tenant}).fetchone()
        assert found is not None
        return dict(zip(tables, found[0], strict=True))


@pytest.fixture(scope="module")
def ours(live: Live, database: Database) -> Iterator[Ours]:
    world = World(database, TenantId(f"ours-{uuid4().hex[:8]}"))
    with live.client(world.tenant) as client:
        yield Ours(world=world, client=client, ids=_ids(world, client))


@pytest.fixture(scope="module")
def stranger(live: Live) -> Iterator[httpx.Client]:
    with live.client(TenantId("a stranger")) as client:
        yield client


def _ids(world: World, client: httpx.Client) -> dict[str, str]:
    def made(path: str, **members: object) -> str:
        reply = client.post(f"/v1/{path}", json=members)
        assert reply.is_success, reply.text
        return str(reply.json()["id"])

    endpoint = made("webhook_endpoints", url=URL)
    submit(client, session_id="ours", user_id="ann")
    made("triggers", name="bad", agent=AGENT, types=["x"], input="${data.absent}")
    event = {"specversion": "1.0", "id": "1", "source": "/s", "type": "x", "data": {}}
    client.post("/v1/events", json=event, headers={"content-type": "application/cloudevents+json"})
    effect = world.acting(EffectClass.UNSAFE)
    key = allow(world, effect)
    doubt(world, effect)
    world.one(
        "insert into webhook_targets (tenant_id, target_id, failures, failing_since)"
        " select tenant_id, endpoint_id, 1, now() from webhook_endpoints where tenant_id = %s",
        world.tenant,
    )
    new = NewVersion(
        name="writer", declared="", definition={}, source=Source.YAML, plan_timeout_ms=60_000
    )
    Agents(world.database).apply([new], tenant_id=world.tenant, by="ann")
    memory = School(world).teach("tea", job=effect.job_id)
    _write_file(world, effect.job_id)
    client.post("/v1/mcp_servers", json={"name": "weather", "url": "https://mcp.example.com/mcp"})
    return {
        "job_id": to_wire(effect.job_id),
        "position": "1",
        "session_id": "ours",
        "effect_key": str(key),
        "batch_id": create(client, jobs=[{"agent": AGENT, "input": "x"}])["id"],
        "trigger_id": client.get("/v1/triggers").json()["data"][0]["id"],
        "letter_id": client.get("/v1/dead_letters").json()["data"][0]["id"],
        "memory_id": MEMORY_ID.written(memory),
        "schedule_id": make(client)["id"],
        "endpoint_id": endpoint,
        "delivery_id": made(f"webhook_endpoints/{endpoint}/test"),
        "version": "1",
        "jobs": "a.txt",
        "agents": "writer",
        "mcp_servers": "weather",
    }


def _write_file(world: World, job: JobId) -> None:
    call = Call(key="k", tenant_id=world.tenant, job_id=job, position=1, attempt=1)
    files = JobWorkspace(workspaces=Workspaces(world.database), call=call, most_bytes=1_000)
    statement = files.writing(FileWish(path="a.txt", content=b"a"))
    with world.database.connection() as connection:
        connection.execute(statement.sql.encode(), statement.parameters)


@pytest.mark.parametrize(("verb", "path"), OPERATIONS)
def test_another_tenant_s_key_finds_and_changes_nothing_of_ours(
    ours: Ours, stranger: httpx.Client, verb: str, path: str
) -> None:
    before = ours.dump()
    asked = str(PATHS[path][verb].get("requestBody", ""))
    sent = json.dumps(BODIES.get(path, {})) if asked else None
    kind = "application/x-ndjson" if "ndjson" in asked else "application/json"
    headers = {"content-type": kind}
    reply = stranger.request(verb, ours.path(path), content=sent, headers=headers)
    assert reply.status_code == 404 or (verb, path) in OWN, reply.text
    assert ours.dump() == before


@pytest.mark.parametrize("path", [path for verb, path in OPERATIONS if verb == "get"])
def test_what_was_asked_for_is_there(ours: Ours, path: str) -> None:
    """So that a 404 means whose it is, and not that the id was wrong."""
    with ours.client.stream("get", ours.path(path)) as reply:
        assert reply.status_code == 200
