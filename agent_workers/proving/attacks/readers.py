"""Clients that keep connections for nothing: they stay silent, send slowly, or never read."""

import socket
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress

from agent_workers.proving.attacks.connection import Connection
from agent_workers.proving.attacks.hostile import Attack, Hostile, post
from agent_workers.proving.attacks.work import job

# Whoever was sent away comes again.
_AGAIN_S = 20.0
_LOOK_S = 0.2
_LARGE_MB = 8
_HOUR_S = 3_600
_SMALLEST = 4_096


def idle_sockets(count: int) -> Attack:
    """Connections that never say anything."""

    def attack(hostile: Hostile, _: Connection) -> None:
        _hold(hostile, "idle connections", count, b"")

    return attack


def slow_heads(count: int) -> Attack:
    """Requests whose head comes a byte a second."""

    def attack(hostile: Hostile, _: Connection) -> None:
        head = b"GET /v1/jobs HTTP/1.1\r\nx: "
        _hold(hostile, "request heads at a byte a second", count, head, then=_one_byte)

    return attack


def unread_files(count: int) -> Attack:
    """Readers of a large file that never read."""

    def attack(hostile: Hostile, connection: Connection) -> None:
        written = post(connection, "/v1/jobs", job("write_large", megabytes=_LARGE_MB))
        path = f"/v1/jobs/{written}"
        while connection.get(path).body["status"] != "succeeded":
            if hostile.over.wait(_LOOK_S):
                return
        asked = connection.asking(f"{path}/artifacts/large")
        _hold(hostile, "readers of a file that never read", count, asked)

    return attack


def unread_streams(count: int) -> Attack:
    """Streams of a job's events that nobody reads."""

    def attack(hostile: Hostile, connection: Connection) -> None:
        later = job("doze", seconds=0) | {"delay": _HOUR_S}
        asked = connection.asking(f"/v1/jobs/{post(connection, '/v1/jobs', later)}/events")
        _hold(hostile, "streams that nobody reads", count, asked)

    return attack


def _hold(
    hostile: Hostile,
    name: str,
    count: int,
    said: bytes,
    *,
    then: Callable[[socket.socket], None] = lambda _: None,
) -> None:
    """Keep so many connections that said this, and do something with each once a second."""
    while not hostile.over.is_set():
        with ExitStack() as stack:
            held = [stack.enter_context(_opened(hostile.port, said)) for _ in range(count)]
            hostile.did[name] += count
            until = time.monotonic() + _AGAIN_S
            while time.monotonic() < until and not hostile.over.wait(1):
                for one in held:
                    then(one)


def _opened(port: int, said: bytes) -> socket.socket:
    opened = socket.socket()
    # So small that what nobody reads soon waits at the server.
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SMALLEST)
    opened.settimeout(5)
    try:
        opened.connect(("127.0.0.1", port))
        opened.sendall(said)
    except OSError:
        opened.close()
        raise
    return opened


def _one_byte(opened: socket.socket) -> None:
    with suppress(OSError):
        opened.sendall(b"x")
