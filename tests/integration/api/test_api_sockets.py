"""Clients that hold connections, never end what they send, or never read: over real sockets."""

import asyncio
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import pytest
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from api.process.crowd import Bounds
from api.process.patience import Patience
from api.process.server import make_server
from tests.integration.api.live import until

MIB = 1 << 20
SHORT = Patience(head_s=0.3, body_s=0.3, reply_s=0.3, idle_s=0.5, least_bytes_per_s=256 * MIB)


def application() -> FastAPI:
    app = FastAPI()
    app.state.end_waiting = lambda: None

    async def echo(request: Request) -> Response:
        return PlainTextResponse(str(len(await request.body())))

    async def large(_: Request) -> Response:
        return Response(bytes(16 * MIB))

    async def slow(_: Request) -> Response:
        await asyncio.sleep(1)
        return PlainTextResponse("slow")

    app.add_route("/echo", echo, methods=["GET", "POST"])
    app.add_route("/large", large)
    app.add_route("/slow", slow)
    return app


Place = tuple[str, int]


@contextmanager
def served(bounds: Bounds, patience: Patience) -> Iterator[Place]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        place: Place = listening.getsockname()
        often = replace(patience, look_every_s=0.1)
        server = make_server(
            application(), host=place[0], port=place[1], bounds=bounds, patience=often, grace_s=1
        )
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        until(lambda: server.started)
        try:
            yield place
        finally:
            server.should_exit = True
            thread.join(20)


@pytest.fixture(scope="module")
def impatient() -> Iterator[Place]:
    with served(Bounds(), SHORT) as place:
        yield place


@pytest.fixture(scope="module")
def small() -> Iterator[Place]:
    with served(Bounds(connections=20, per_address=10, unsent=32 * MIB), Patience()) as place:
        yield place


def opened(place: Place, *, host: str = "127.0.0.1") -> socket.socket:
    return socket.create_connection(place, timeout=20, source_address=(host, 0))


def answer(place: Place, sent: bytes = b"", *, host: str = "127.0.0.1") -> bytes:
    """Send this and nothing more, and return what comes until the server closes."""
    with opened(place, host=host) as client:
        client.sendall(sent)
        return rest_of(client)


def rest_of(client: socket.socket) -> bytes:
    parts = []
    try:
        while part := client.recv(MIB):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


many_addresses = pytest.mark.skipif(
    sys.platform == "darwin", reason="the loopback interface has one address there"
)
ONE = b"GET /echo HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
HALF = b"POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n12345"


@pytest.mark.parametrize(
    ("sent", "status"),
    [(b"", b""), (b"GET /echo HTTP/1.1\r\n", b"408"), (HALF, b"408"), (b"\r\n", b"408")],
    ids=["nothing", "half a head", "half a body", "empty lines"],
)
def test_who_does_not_send_a_whole_request_is_sent_away(
    impatient: Place, sent: bytes, status: bytes
) -> None:
    assert answer(impatient, sent)[9:12] == status


def test_a_connection_that_is_idle_for_long_is_closed(impatient: Place) -> None:
    reply = answer(impatient, ONE.replace(b"connection: close\r\n", b""))
    assert reply.startswith(b"HTTP/1.1 200")


def test_who_waits_for_us_is_not_late(impatient: Place) -> None:
    assert answer(impatient, ONE.replace(b"/echo", b"/slow")).endswith(b"slow")


def test_a_reply_that_nobody_reads_is_not_kept(impatient: Place) -> None:
    with opened(impatient) as client:
        client.sendall(ONE.replace(b"/echo", b"/large"))
        time.sleep(1.5)
        assert len(rest_of(client)) < 16 * MIB


def test_a_head_without_an_end_is_refused(impatient: Place) -> None:
    head = b"GET /echo HTTP/1.1\r\nx: "
    assert answer(impatient, head + b"x" * SHORT.head_bytes)[9:12] == b"431"
    fits = head + b"x" * (SHORT.head_bytes - len(head) - 4) + b"\r\n\r\n"
    assert answer(impatient, fits)[9:12] == b"200"


def test_many_small_headers_are_refused(impatient: Place) -> None:
    lines = b"GET /echo HTTP/1.1\r\n" + b"a:\r\n" * (SHORT.headers + 1) + b"\r\n"
    assert answer(impatient, lines)[9:12] == b"431"


def test_a_large_body_behind_a_head_is_no_large_head(impatient: Place) -> None:
    head = b"POST /echo HTTP/1.1\r\ncontent-length: 1000000\r\nconnection: close\r\n\r\n"
    assert answer(impatient, head + bytes(1_000_000)).endswith(b"1000000")


def test_requests_behind_one_another_are_all_answered(impatient: Place) -> None:
    one = ONE.replace(b"connection: close\r\n", b"")
    assert answer(impatient, one * 1_000).count(b"HTTP/1.1 200") == 1_000


@pytest.mark.parametrize("begun", [b"0\r\nx: ", b"5;"], ids=["a trailer", "an extension"])
def test_what_goes_on_behind_a_body_without_an_end_is_refused(
    impatient: Place, begun: bytes
) -> None:
    head = b"POST /echo HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n"
    assert answer(impatient, head + begun + b"y" * 2 * SHORT.head_bytes)[9:12] == b"431"


@many_addresses
def test_others_are_answered_while_one_address_opens_all_it_can(small: Place) -> None:
    with ExitStack() as held:
        for sent in (b"", b"GET", HALF):
            for _ in range(20):
                held.enter_context(opened(small)).sendall(sent)
        for _ in range(20):
            assert answer(small, ONE, host="127.0.0.2")[9:12] == b"200"


@many_addresses
def test_others_are_answered_while_many_addresses_open_all_they_can(small: Place) -> None:
    with ExitStack() as held:
        for number in range(60):
            held.enter_context(opened(small, host=f"127.0.1.{number % 20}")).sendall(HALF)
        for _ in range(20):
            assert answer(small, ONE, host="127.0.0.2")[9:12] == b"200"


@many_addresses
def test_replies_that_nobody_reads_are_ended_when_they_are_too_much(small: Place) -> None:
    asked = ONE.replace(b"/echo", b"/large")
    with ExitStack() as held:
        clients = [held.enter_context(opened(small, host=f"127.0.2.{n}")) for n in range(8)]
        for client in clients:
            client.sendall(asked)
        time.sleep(1)
        read = [len(rest_of(client)) for client in clients]
    assert 0 < sum(length > 16 * MIB for length in read) < 8
