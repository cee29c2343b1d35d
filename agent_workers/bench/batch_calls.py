"""Calls of the batch routes for measuring: lines sent from a file, results read as they come."""

import json
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from agent_workers.bench.stage import Stage

_FIRST_ERROR = 400
_PATIENCE_S = 600.0


def write_lines(path: Path, count: int, *, agent: str) -> None:
    with path.open("w") as file:
        for number in range(count):
            item = {"custom_id": f"item-{number}", "agent": agent, "input": {"number": number}}
            file.write(json.dumps(item) + "\n")


# Any: JSON of whatever the API returned.
def call(stage: Stage, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401
    with closing(_connection(stage)) as connection:
        sent = None if body is None else json.dumps(body).encode()
        connection.request(method, path, sent, _headers(stage, "application/json"))
        return _answer(connection)


def send_lines(stage: Stage, path: Path, at: str) -> Any:  # noqa: ANN401 (as above)
    """Stream a file as it is; nobody says how long it will be."""
    with closing(_connection(stage)) as connection, path.open("rb") as file:
        connection.request(
            "PUT", at, file, _headers(stage, "application/x-ndjson"), encode_chunked=True
        )
        return _answer(connection)


def read_results(stage: Stage, at: str) -> Iterator[str]:
    """Yield the custom_id of each result."""
    with closing(_connection(stage)) as connection:
        connection.request("GET", at, headers=_headers(stage, "application/json"))
        for line in connection.getresponse():
            yield str(json.loads(line)["custom_id"])


def _answer(connection: HTTPConnection) -> Any:  # noqa: ANN401 (as above)
    response = connection.getresponse()
    body = response.read()
    if response.status >= _FIRST_ERROR:
        raise RuntimeError(f"the API answered {response.status}: {body[:500]!r}")
    return json.loads(body)


def _connection(stage: Stage) -> HTTPConnection:
    return HTTPConnection("127.0.0.1", stage.port, timeout=_PATIENCE_S)


def _headers(stage: Stage, kind: str) -> dict[str, str]:
    return {"authorization": f"Bearer {stage.token}", "content-type": kind}
