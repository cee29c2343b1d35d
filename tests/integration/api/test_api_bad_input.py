"""Bad input: a clear problem, never a 500, nothing stored half."""

import http.client
import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import httpx
import pytest

from tests.integration.api.live import AGENT, Live, is_problem
from tests.integration.state.world import World

JSON = {"content-type": "application/json"}


def with_input(text: str) -> bytes:
    return f'{{"agent":"{AGENT}","input":{{"x":{text}}}}}'.encode()


MALFORMED = {
    "empty": b"",
    "not JSON": b"agent=demo",
    "not UTF-8": b'{"agent":"\xff"}',
    "twice": b'{"agent":"demo","agent":"demo","input":"x"}',
    "NaN": with_input("NaN"),
    "cut short": b'{"agent":"demo"',
}
UNSTORABLE = {
    "NUL": with_input(r'"\u0000"'),
    "NUL in metadata": b'{"agent":"demo","input":"x","metadata":{"a":"\\u0000"}}',
    "NUL in the agent": b'{"agent":"de\\u0000mo","input":"x"}',
    "lone surrogate": with_input(r'"\ud800"'),
    "1e999": with_input("1e999"),
    "65 bits": with_input("18446744073709551616"),
    "depth 65": with_input("[" * 64 + "]" * 64),
    "depth 50000": with_input("[" * 50_000 + "]" * 50_000),
    "10001 values": with_input(json.dumps([1] * 10_000)),
}
# Any: what callers send is of any shape.
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"input": None}, "/input"),
    ({"input": 7}, "/input"),
    ({"input": ["x"]}, "/input"),
    ({"agent": ""}, "/agent"),
    ({"agent": 7}, "/agent"),
    ({"agent": "x" * 201}, "/agent"),
    ({"color": "blue"}, "/color"),
    ({"a/b~c": 1}, "/a~1b~0c"),
    ({"metadata": {"a": 1}}, "/metadata/a"),
    ({"metadata": {"": "x"}}, "/metadata/"),
    ({"metadata": {"k" * 65: "x"}}, "/metadata/" + "k" * 65),
    ({"metadata": {str(n): "x" for n in range(17)}}, "/metadata"),
    ({"metadata": {"a": "x" * 513}}, "/metadata/a"),
    ({"metadata": []}, "/metadata"),
    ({"priority": "high"}, "/priority"),
    ({"priority": 101}, "/priority"),
    ({"priority": True}, "/priority"),
    ({"priority": 1.5}, "/priority"),
    ({"delay": -1}, "/delay"),
    ({"delay": "1"}, "/delay"),
    ({"delay": 1e300}, "/delay"),
    ({"run_at": "tomorrow"}, "/run_at"),
    ({"run_at": 1_800_000_000}, "/run_at"),
    ({"run_at": "2026-02-30T00:00:00Z"}, "/run_at"),
    ({"run_at": "9999-12-31T23:59:59-23:59"}, "/run_at"),
    ({"run_at": "2026-01-01T00:00:00"}, "/run_at"),
    ({"deadline": -1}, "/deadline"),
    ({"deadline": False}, "/deadline"),
    ({"deadline": 0}, "/deadline"),
    ({"deadline": "2020-01-01T00:00:00Z"}, "/deadline"),
    ({"run_at": "2020-01-01T00:00:00Z"}, "/run_at"),
    ({"max_cost_usd": 0}, "/max_cost_usd"),
    ({"max_cost_usd": "-1"}, "/max_cost_usd"),
    ({"max_cost_usd": 1e300}, "/max_cost_usd"),
    ({"max_cost_usd": "1000001"}, "/max_cost_usd"),
    ({"max_steps": 0}, "/max_steps"),
    ({"max_steps": 2**40}, "/max_steps"),
    ({"parent_job_id": "x"}, "/parent_job_id"),
    ({"parent_job_id": "job_" + "0" * 32}, "/parent_job_id"),
]


@pytest.fixture(autouse=True)
def nothing_is_stored(world: World) -> Iterator[None]:
    yield
    for table in ("jobs", "steps", "journal", "idempotency_keys", "timers"):
        assert world.one(f"select count(*) from {table} where tenant_id = %s", world.tenant) == 0


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
def test_what_is_no_json_is_a_400(client: httpx.Client, body: bytes):
    is_problem(client.post("/v1/jobs", content=body, headers=JSON), 400, "malformed_json")


@pytest.mark.parametrize("body", UNSTORABLE.values(), ids=UNSTORABLE)
def test_what_cannot_be_stored_is_a_422(client: httpx.Client, body: bytes):
    is_problem(client.post("/v1/jobs", content=body, headers=JSON), 422, "invalid_request")


@pytest.mark.parametrize(("members", "pointer"), WRONG, ids=repr)
def test_what_is_wrong_is_named_by_its_place(
    client: httpx.Client, members: dict[str, Any], pointer: str
):
    reply = client.post("/v1/jobs", json={"agent": AGENT, "input": "x"} | members)
    problem = is_problem(reply, 422, "invalid_request")
    assert [one["pointer"] for one in problem["errors"]] == [pointer]


@pytest.mark.parametrize("body", ["null", "[]", '"x"', "1", "{}"])
def test_a_body_that_asks_for_nothing_is_refused(client: httpx.Client, body: str):
    reply = client.post("/v1/jobs", content=body.encode(), headers=JSON)
    is_problem(reply, 422, "invalid_request")


def test_an_agent_that_nobody_registered_is_unknown(client: httpx.Client):
    reply = client.post("/v1/jobs", json={"agent": "nobody", "input": "x"})
    assert is_problem(reply, 422, "unknown_agent")["errors"][0]["pointer"] == "/agent"


@pytest.mark.parametrize(
    "kind", ["text/plain", "", "application/jsonx", "application/json;charset=latin-1"]
)
def test_what_does_not_say_that_it_is_json_is_a_415(client: httpx.Client, kind: str):
    reply = client.post("/v1/jobs", content=b"{}", headers={"content-type": kind})
    is_problem(reply, 415, "unsupported_media_type")


def test_a_body_over_a_mebibyte_is_a_413(client: httpx.Client):
    body = with_input('"' + "x" * (1 << 20) + '"')
    is_problem(client.post("/v1/jobs", content=body, headers=JSON), 413, "body_too_large")


def test_a_body_whose_length_is_not_announced_is_counted(live: Live, client: httpx.Client):
    def pieces() -> Iterator[bytes]:
        for _ in range(20):
            yield b"x" * 100_000

    connection = http.client.HTTPConnection(*live.place, timeout=10)
    headers = {"authorization": client.headers["authorization"], **JSON}
    with suppress(OSError):  # it may be refused before all of it was sent
        connection.request("POST", "/v1/jobs", pieces(), headers, encode_chunked=True)
    reply = connection.getresponse()
    assert reply.status == 413
    assert json.loads(reply.read())["code"] == "body_too_large"
    connection.close()


def test_a_body_of_just_a_mebibyte_is_looked_at(client: httpx.Client):
    frame = len(with_input('""'))
    body = with_input('"' + "x" * ((1 << 20) - frame) + '"').replace(b'"demo"', b'"demx"')
    assert len(body) == 1 << 20
    is_problem(client.post("/v1/jobs", content=body, headers=JSON), 422, "unknown_agent")
