"""The door of the API: keys, request ids, and replies to what fits no route."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from agent_workers.domain.ids import TenantId
from agent_workers.state.access.keys import Keys
from agent_workers.state.database.engine import Database
from tests.integration.api.live import PEPPER, Live, is_problem, submit, until


@pytest.fixture
def anybody(live: Live):
    with httpx.Client(base_url=live.url) as client:
        yield client


@pytest.fixture
def keys(database: Database) -> Keys:
    return Keys(database, pepper=PEPPER)


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/v1/jobs"), ("GET", "/v1/jobs"), ("GET", "/v1/doubts"), ("GET", "/v1/nothing")],
)
def test_without_a_key_nobody_comes_in(anybody: httpx.Client, method: str, path: str):
    reply = anybody.request(method, path, json={})
    is_problem(reply, 401, "missing_key")
    assert reply.headers["www-authenticate"].startswith("Bearer ")


@pytest.mark.parametrize(
    "header",
    [
        {"authorization": "Bearer nonsense"},
        {"x-api-key": "aw_live_00000000_" + "0" * 38},
        {"authorization": "Basic abc", "x-api-key": "x"},
        {"x-api-key": "\xff"},
    ],
)
def test_a_key_that_we_did_not_make_is_refused(anybody: httpx.Client, header: dict[str, str]):
    raw = {name.encode(): value.encode("latin-1") for name, value in header.items()}
    reply = anybody.get("/v1/jobs", headers=raw)
    is_problem(reply, 401, "invalid_key")
    assert "invalid_token" in reply.headers["www-authenticate"]


def test_another_scheme_than_bearer_is_told_what_to_send(anybody: httpx.Client):
    reply = anybody.get("/v1/jobs", headers={"authorization": "Basic dXNlcjpwYXNz"})
    assert "Authorization: Bearer" in is_problem(reply, 401, "invalid_key")["detail"]


def test_a_key_may_come_in_either_header(anybody: httpx.Client, keys: Keys, tenant: TenantId):
    token = keys.create(tenant).token
    for header in ({"authorization": f"bearer {token}"}, {"x-api-key": token}):
        assert anybody.get("/v1/jobs", headers=header).status_code == 200


def test_a_revoked_key_is_refused_within_seconds(
    anybody: httpx.Client, keys: Keys, tenant: TenantId
):
    key = keys.create(tenant)
    header = {"x-api-key": key.token}
    assert anybody.get("/v1/jobs", headers=header).status_code == 200
    assert keys.revoke(tenant, key.key_id)
    until(lambda: anybody.get("/v1/jobs", headers=header).status_code == 401, patience_s=4)


def test_an_expired_key_is_refused(anybody: httpx.Client, keys: Keys, tenant: TenantId):
    past = datetime.now(UTC) - timedelta(seconds=1)
    header = {"x-api-key": keys.create(tenant, expires_at=past).token}
    is_problem(anybody.get("/v1/jobs", headers=header), 401, "invalid_key")


def test_a_key_is_kept_as_a_hash_and_shows_its_use(
    anybody: httpx.Client, keys: Keys, database: Database, tenant: TenantId
):
    key = keys.create(tenant, name="ci", scopes=["jobs:read"])
    anybody.get("/v1/jobs", headers={"x-api-key": key.token})
    [seen] = keys.all(tenant)
    assert (seen.name, seen.scopes) == ("ci", ("jobs:read",))
    assert seen.last_used_at is not None
    with database.connection() as connection:
        row = connection.execute(
            "select secret_hash from api_keys where key_id = %s", (key.key_id,)
        ).fetchone()
    assert row is not None
    assert len(row[0]) == 32
    other = Keys(database, pepper="another pepper for tests")
    assert other.caller(key.token) is None


def test_a_mistyped_key_does_not_reach_the_database(keys: Keys, tenant: TenantId):
    token = keys.create(tenant).token
    elsewhere = Keys(Database("postgresql://nobody@127.0.0.1:1/none"), pepper=PEPPER)
    mistyped = token[:20] + ("a" if token[20] != "a" else "b") + token[21:]
    assert elsewhere.caller(mistyped) is None


def test_every_reply_has_a_request_id(anybody: httpx.Client, client: httpx.Client):
    paths = ("/health/live", "/health/ready", "/openapi.json", "/nothing", "/v1/jobs", "/errors")
    for path in paths:
        assert anybody.get(path).headers["x-request-id"].startswith("req_")
        given = anybody.get(path, headers={"x-request-id": "mine-1"})
        assert given.headers["x-request-id"] == "mine-1"
    strange = client.get("/v1/jobs", headers={"x-request-id": "a b"})
    assert strange.headers["x-request-id"].startswith("req_")


def test_a_path_that_leads_nowhere_is_a_404(client: httpx.Client):
    for path in ("/", "/v1", "/v1/jobs/", "/v1/nothing", "/docs/", "/docs/nothing"):
        is_problem(client.get(path), 404, "not_found")


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/v1/jobs", "GET, POST"),
        ("/v1/agents", "GET"),
        ("/health/live", "GET"),
        ("/v1/jobs/job_" + "0" * 32, "GET"),
        ("/v1/jobs/job_" + "0" * 32 + "/cancel", "POST"),
    ],
)
def test_another_method_is_told_all_that_are_allowed(client: httpx.Client, path: str, methods: str):
    reply = client.request("PUT", path)
    is_problem(reply, 405, "method_not_allowed")
    assert reply.headers["allow"] == methods


def test_the_type_of_a_problem_leads_to_a_page_that_names_it(
    client: httpx.Client, anybody: httpx.Client
):
    problem = client.get("/v1/nothing").json()
    page, _, anchor = problem["type"].partition("#")
    assert f'id="{anchor}"' in anybody.get(page).text


def test_agents_are_listed(client: httpx.Client):
    [agent] = client.get("/v1/agents").json()["data"]
    assert (agent["name"], agent["version"]) == ("demo", "1")


def test_readiness_names_its_checks(anybody: httpx.Client):
    ready = anybody.get("/health/ready")
    assert ready.status_code == 200
    assert set(ready.json()["checks"]) == {"database", "migrations", "broker", "threads"}


def test_what_a_caller_sees_is_all_its_own(live: Live, client: httpx.Client):
    submit(client)
    with live.client(TenantId("nobody's neighbour")) as other:
        assert other.get("/v1/jobs").json()["data"] == []
