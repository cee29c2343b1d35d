"""Sessions over HTTP, by the client and by the command line."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from agent_workers.cli.main import main
from agent_workers.client.client import Client
from agent_workers.client.errors import Refused
from agent_workers.domain.ids import JobId, TenantId, from_wire
from tests.integration.api.live import Live, is_problem, submit, until
from tests.integration.state.world import FINISH, World

S = "/v1/sessions/talk"


@pytest.fixture
def client_of(live: Live, tenant: TenantId) -> Iterator[Client]:
    with Client(live.url, live.token(tenant)) as client:
        yield client


def ended(world: World, job: dict[str, object]) -> None:
    world.record(world.claim(job_id(job)), FINISH)


def job_id(job: dict[str, object]) -> JobId:
    found = from_wire(str(job["id"]))
    assert found is not None
    return found


def said(client: httpx.Client) -> list[tuple[object, object]]:
    return [(one["role"], one["content"]) for one in client.get(f"{S}/messages").json()["data"]]


def test_a_job_says_whose_it_is_and_which_conversation_it_belongs_to(client: httpx.Client) -> None:
    job = submit(client, session_id="talk", user_id="ann@example.com")
    assert (job["session_id"], job["user_id"]) == ("talk", "ann@example.com")
    submit(client, session_id="other")
    for query in ("session_id=talk", "user_id=ann%40example.com"):
        listed = client.get(f"/v1/jobs?{query}").json()["data"]
        assert [one["id"] for one in listed] == [job["id"]]


def test_a_job_that_waits_for_its_turn_says_so(client: httpx.Client, world: World) -> None:
    first, second = (submit(client, session_id="talk") for _ in range(2))
    seen = client.get(f"/v1/jobs/{second['id']}").json()
    (wait,) = seen["waiting_for"]
    assert (seen["status"], wait["kind"], wait["key"]) == ("queued", "session", "talk")
    session = client.get(S).json()
    assert (session["job_id"], session["waiting"]) == (first["id"], [second["id"]])
    assert session["expires_at"] is None
    ended(world, first)
    assert client.get(f"/v1/jobs/{second['id']}").json()["waiting_for"] == []


def test_what_jobs_say_is_the_history_of_their_session(client: httpx.Client, world: World) -> None:
    ended(world, submit(client, session_id="talk", input={"message": "hello"}))
    assert said(client) == [("user", {"message": "hello"}), ("assistant", "done")]
    assert client.get(S).json()["messages"] == 2


def test_a_busy_session_refuses_a_job_that_is_not_to_wait(
    client: httpx.Client, world: World
) -> None:
    body = {"agent": "demo", "input": "x", "session_id": "talk", "on_busy": "reject"}
    key = {"idempotency-key": "once"}
    first = client.post("/v1/jobs", json=body, headers=key)
    assert first.status_code == 202
    assert client.post("/v1/jobs", json=body, headers=key).json()["id"] == first.json()["id"]
    is_problem(client.post("/v1/jobs", json=body), 409, "session_busy")
    ended(world, first.json())
    assert client.post("/v1/jobs", json=body).status_code == 202


def test_a_job_that_interrupts_cancels_the_one_before(client: httpx.Client, world: World) -> None:
    first = submit(client, session_id="talk")
    second = submit(client, session_id="talk", on_busy="interrupt")
    world.sweeps.deadlines()
    seen = client.get(f"/v1/jobs/{first['id']}").json()
    assert seen["status"] == "canceled"
    assert seen["status_detail"] == "interrupted by the next message"
    ended(world, second)


def test_a_session_that_is_held_keeps_no_other_job_from_being_stored(
    client: httpx.Client, world: World
) -> None:
    with ThreadPoolExecutor(1) as threads, world.database.transaction() as other:
        other.execute("select lock_session(%s, 'talk')", (world.tenant,))
        late = threads.submit(submit, client, session_id="talk")
        until(lambda: world.somebody_waits() or late.done())
        submit(client)


def test_a_session_is_not_handed_to_another_user(client: httpx.Client) -> None:
    submit(client, session_id="talk", user_id="ann")
    body = {"agent": "demo", "input": "x", "session_id": "talk", "user_id": "bob"}
    is_problem(client.post("/v1/jobs", json=body), 409, "session_of_another")
    said_by_bob = {"role": "user", "content": "x", "user_id": "bob"}
    is_problem(client.post(f"{S}/messages", json=said_by_bob), 409, "session_of_another")
    assert said(client) == [("user", "hello")]


@pytest.mark.parametrize(
    "members",
    [
        {"session_id": ".."},
        {"session_id": "a/b"},
        {"session_id": ""},
        {"session_id": "x" * 201},
        {"session_id": "a\n"},
        {"user_id": "a b"},
        {"user_id": ""},
        {"on_busy": "maybe", "session_id": "s"},
    ],
)
def test_strange_names_are_refused(client: httpx.Client, members: dict[str, str]) -> None:
    body = {"agent": "demo", "input": "x", **members}
    is_problem(client.post("/v1/jobs", json=body), 422, "invalid_request")


def test_messages_are_added_once_per_key_and_told_in_pages(client: httpx.Client) -> None:
    call = {"id": "c1", "name": "add", "arguments": {"a": 1}}
    asked: list[dict[str, object]] = [
        {"role": "user", "content": "one and one?"},
        {"role": "assistant", "content": "", "calls": [call]},
        {"role": "tool", "content": 2, "call_id": "c1"},
    ]
    for number, message in enumerate(asked):
        for _ in range(2):
            headers = {"idempotency-key": f"m{number}"}
            reply = client.post(f"{S}/messages", json=message, headers=headers)
            assert (reply.status_code, reply.json()["turn"]) == (201, number + 1)
    is_problem(
        client.post(f"{S}/messages", json=asked[0], headers={"idempotency-key": "m1"}),
        *(422, "idempotency_key_reused"),
    )
    first = client.get(f"{S}/messages?limit=2").json()
    rest = client.get(f"{S}/messages?limit=2&cursor={first['next_cursor']}").json()
    found = first["data"] + rest["data"]
    assert [one["content"] for one in found] == ["one and one?", "", 2]
    assert found[1]["calls"] == [call]
    assert rest["next_cursor"] is None


def test_a_page_of_long_messages_is_short(client: httpx.Client) -> None:
    for _ in range(6):
        client.post(f"{S}/messages", json={"role": "user", "content": "x" * 1_000_000})
    page = client.get(f"{S}/messages").json()
    rest = client.get(f"{S}/messages?cursor={page['next_cursor']}").json()
    assert (len(page["data"]), len(rest["data"]), rest["has_more"]) == (2, 2, True)


@pytest.mark.parametrize(
    "message",
    [
        {"role": "system", "content": "obey"},
        {"role": "user", "content": "x", "calls": [{"id": "a", "name": "b"}]},
        {"role": "assistant", "content": "x", "calls": [{"id": "a", "name": "b c"}]},
        {"role": "tool", "content": "x"},
        {"role": "user", "content": "x", "call_id": "a"},
        {"role": "user"},
    ],
)
def test_a_message_that_no_model_could_read_is_refused(
    client: httpx.Client, message: dict[str, object]
) -> None:
    is_problem(client.post(f"{S}/messages", json=message), 422, "invalid_request")


def test_a_cleared_session_is_gone_and_so_is_one_of_another_tenant(
    client: httpx.Client, live: Live
) -> None:
    client.post(f"{S}/messages", json={"role": "user", "content": "x"})
    with live.client(TenantId("somebody else")) as other:
        is_problem(other.get(S), 404, "session_not_found")
        is_problem(other.delete(S), 404, "session_not_found")
    assert client.delete(S).status_code == 204
    is_problem(client.delete(S), 404, "session_not_found")
    is_problem(client.get(f"{S}/messages"), 404, "session_not_found")


def test_a_session_whose_time_is_over_is_not_shown(client: httpx.Client, world: World) -> None:
    client.post(f"{S}/messages", json={"role": "user", "content": "x"})
    world.one("update sessions set used_at = '2000-01-01' where tenant_id = %s", world.tenant)
    is_problem(client.get(S), 404, "session_not_found")
    assert client.get("/v1/sessions").json()["data"] == []


def test_sessions_are_listed_in_pages_and_foreign_cursors_are_refused(
    client: httpx.Client, live: Live
) -> None:
    for name in ("a", "b", "c"):
        client.post(f"/v1/sessions/{name}/messages", json={"role": "user", "content": "x"})
    first = client.get("/v1/sessions?limit=2").json()
    rest = client.get("/v1/sessions", params={"cursor": first["next_cursor"]}).json()
    assert [one["id"] for one in first["data"] + rest["data"]] == ["c", "b", "a"]
    for path in ("/v1/sessions?cursor=x", f"/v1/sessions/a/messages?cursor={'9' * 12}-0"):
        is_problem(client.get(path), 422, "invalid_cursor")
    with live.client(TenantId("somebody else")) as other:
        reply = other.get("/v1/sessions", params={"cursor": first["next_cursor"]})
        is_problem(reply, 422, "invalid_cursor")


def test_items_of_a_batch_take_turns_and_cannot_say_otherwise(
    client: httpx.Client, world: World
) -> None:
    item = {"agent": "demo", "input": "x", "session_id": "talk"}
    assert client.post("/v1/batches", json={"jobs": [item, item]}).status_code == 202
    session = client.get(S).json()
    assert len(session["waiting"]) == 1
    ended(world, {"id": session["job_id"]})
    ended(world, {"id": session["waiting"][0]})
    refused = client.post("/v1/batches", json={"jobs": [item | {"on_busy": "reject"}]})
    is_problem(refused, 422, "invalid_request")


def test_jobs_of_a_schedule_take_turns(client: httpx.Client) -> None:
    job = {"agent": "demo", "input": "x", "session_id": "talk", "user_id": "ann"}
    terms = {"type": "interval", "interval_s": 3_600, "overlap": "allow"}
    made = client.post("/v1/schedules", json={**terms, "target": {"job": job}})
    assert made.status_code == 201, made.text
    for _ in range(2):
        client.post(f"/v1/schedules/{made.json()['id']}/trigger", json={})
    session = client.get(S).json()
    assert (session["user_id"], len(session["waiting"])) == ("ann", 1)


def test_the_client_and_the_command_line_tell_the_same(
    live: Live, tenant: TenantId, client_of: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--api-url", live.url, "--api-key", live.token(tenant)]
    assert main(["sessions", "say", "talk", "good day", *where]) == 0
    client_of.sessions.add_message("talk", "assistant", {"said": "hello"})
    assert [one["role"] for one in client_of.sessions.get_history("talk")] == ["user", "assistant"]
    capsys.readouterr()
    assert main(["sessions", "show", "talk", *where]) == 0
    assert "good day" in capsys.readouterr().out
    assert main(["sessions", "list", "--json", *where]) == 0
    assert [one["id"] for one in json.loads(capsys.readouterr().out)] == ["talk"]
    assert main(["sessions", "clear", "talk", *where]) == 0
    with pytest.raises(Refused, match="session"):
        client_of.sessions.get("talk")
