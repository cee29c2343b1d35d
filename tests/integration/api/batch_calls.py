"""Short ways to call the routes of batches."""

import json
import socket
from collections.abc import Callable, Iterable
from typing import Any

import httpx

from tests.integration.api.live import AGENT, Live, until

NDJSON = {"content-type": "application/x-ndjson"}


def create(client: httpx.Client, **members: Any) -> dict[str, Any]:
    reply = client.post("/v1/batches", json=members)
    assert reply.status_code == 202, reply.text
    batch: dict[str, Any] = reply.json()
    assert reply.headers["location"] == f"/v1/batches/{batch['id']}"
    return batch


def line(number: int, **members: Any) -> bytes:
    item = {"custom_id": f"item-{number}", "agent": AGENT, "input": {"n": number}, **members}
    return json.dumps(item).encode() + b"\n"


def upload(client: httpx.Client, batch: dict[str, Any], lines: Iterable[bytes]) -> httpx.Response:
    """Send lines without saying how many they are."""
    return client.put(batch["links"]["items"], content=iter(lines), headers=NDJSON)


def show(client: httpx.Client, batch: dict[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = client.get(batch["links"]["self"]).json()
    return shown


def cut_off(
    live: Live,
    token: str,
    batch: dict[str, Any],
    lines: Iterable[bytes],
    *,
    kept: Callable[[], bool],
) -> None:
    """Begin an upload, and once so much is kept let its connection die in the middle of a line."""
    with socket.create_connection(live.place) as connection:
        head = (
            f"PUT {batch['links']['items']} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n"
            "content-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        connection.sendall(head.encode())
        for part in (*lines, b'{"custom_id": "hal'):
            connection.sendall(b"%x\r\n%b\r\n" % (len(part), part))
        until(kept)
