"""What one connection takes from its client, and how much of it is held and given to the parser."""

import asyncio

import pytest
import uvicorn
from typing_extensions import override
from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, Scope
from uvicorn.server import ServerState

from api.process.connections import Connection
from api.process.crowd import Bounds, Crowd
from api.process.patience import Patience

PATIENCE = Patience(head_bytes=4096, pipelined=4)
GET = b"GET / HTTP/1.1\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n"
POST = b"POST / HTTP/1.1\r\ncontent-length: %d\r\n\r\n"


class Wire(asyncio.Transport):
    """A client that we play: what was written to it, and whether it is read and open."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.is_closed = False
        self.is_read = True

    @override
    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data

    @override
    def close(self) -> None:
        self.is_closed = True

    @override
    def abort(self) -> None:
        self.is_closed = True

    @override
    def is_closing(self) -> bool:
        return self.is_closed

    @override
    def pause_reading(self) -> None:
        self.is_read = False

    @override
    def resume_reading(self) -> None:
        self.is_read = True

    @override
    def get_write_buffer_size(self) -> int:
        return 0


class App:
    """Answers with the length of the body when it may, and counts what it answered."""

    def __init__(self, *, reads: bool = True) -> None:
        self.may_answer = asyncio.Event()
        self.answered = 0
        self._reads = reads

    async def __call__(
        self, _: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        length, more = 0, self._reads
        while more:
            message = await receive()
            if message["type"] != "http.request":
                return
            length, more = length + len(message["body"]), message["more_body"]
        await self.may_answer.wait()
        self.answered += 1
        body = b"%d" % length
        headers = [(b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": False})


class Talk:
    """One connection, its client and its application."""

    def __init__(self, *, reads: bool = True) -> None:
        self.wire, self.app = Wire(), App(reads=reads)
        config = uvicorn.Config(
            self.app, http="httptools", ws="none", log_config=None, proxy_headers=False
        )
        crowd: Crowd[Connection] = Crowd(Bounds())
        self.connection = Connection(config, ServerState(), {}, crowd=crowd, patience=PATIENCE)
        self.connection.connection_made(self.wire)

    async def send(self, data: bytes, *, at_once: int = 65_536) -> int:
        """Send until the other side closes or reads no more; returns how much was taken."""
        for start in range(0, len(data), at_once):
            if self.wire.is_closed or not self.wire.is_read:
                return start
            self.connection.data_received(data[start : start + at_once])
            await settled()
        return len(data)

    async def answer(self) -> None:
        self.app.may_answer.set()
        await settled()


async def settled() -> None:
    for _ in range(50):
        await asyncio.sleep(0)


@pytest.mark.parametrize("reads", [True, False], ids=["the body is read", "answered early"])
@pytest.mark.parametrize(
    "begun", [b"0\r\nx: ", b"0\r\n", b"5;"], ids=["a trailer", "its name", "an extension"]
)
def test_what_goes_on_behind_a_body_is_not_taken_without_an_end(
    begun: bytes, *, reads: bool
) -> None:
    async def attack() -> int:
        talk = Talk(reads=reads)
        await talk.answer()
        await talk.send(CHUNKED)
        return await talk.send(begun + b"y" * 100_000, at_once=1000)

    assert asyncio.run(attack()) <= PATIENCE.head_bytes + 1000


def test_trailers_are_refused_and_reach_no_request() -> None:
    async def attack() -> bytes:
        talk = Talk()
        await talk.answer()
        await talk.send(CHUNKED + b"0\r\nx-api-key: y\r\n\r\n" + GET)
        return talk.wire.written

    assert b"trailers_not_taken" in asyncio.run(attack())


def test_a_body_in_many_small_chunks_is_taken_whole() -> None:
    async def upload() -> bytes:
        talk = Talk()
        await talk.answer()
        await talk.send(CHUNKED + b"3;a=b\r\nyyy\r\n" * 2000 + b"0\r\n\r\n")
        return talk.wire.written

    assert asyncio.run(upload()).endswith(b"\r\n\r\n6000")


@pytest.mark.parametrize("first", [GET, POST % 5 + b"hello"], ids=["no body", "a body"])
def test_of_many_requests_behind_one_another_few_wait_and_all_are_answered(first: bytes) -> None:
    async def ask() -> tuple[int, bool, int]:
        talk = Talk()
        await talk.send(first + GET * 999)
        waiting, was_read = len(talk.connection.pipeline), talk.wire.is_read
        talk.app.may_answer.set()
        while talk.app.answered < 1000 and not talk.wire.is_closed:
            await settled()
        await talk.send(GET)
        return waiting, was_read, talk.app.answered

    waiting, was_read, answered = asyncio.run(ask())
    assert waiting < 100
    assert (was_read, answered) == (False, 1001)


def test_who_waits_for_a_body_does_not_read_on_behind_many_requests() -> None:
    async def is_read() -> bool:
        talk = Talk()
        await talk.send(GET * 1000)
        talk.connection.flow.resume_reading()
        return talk.wire.is_read

    assert not asyncio.run(is_read())


def test_a_refusal_is_not_taken_for_the_reply_to_a_request_before() -> None:
    async def refused() -> tuple[bytes, bool]:
        talk = Talk()
        await talk.send(GET + b"GET / HTTP/1.1\r\nx: " + b"y" * 9000)
        return talk.wire.written, talk.wire.is_closed

    assert asyncio.run(refused()) == (b"", True)


def test_a_connection_says_what_it_holds_until_it_has_answered() -> None:
    async def held() -> tuple[int, int, int]:
        talk = Talk()
        before = talk.connection.arrived
        await talk.send(POST % 50_000 + bytes(50_000) + GET.replace(b"/", b"/" + b"x" * 3000, 1))
        during = talk.connection.arrived
        await talk.answer()
        return before, during, talk.connection.arrived

    before, during, after = asyncio.run(held())
    assert (before, after) == (0, 0)
    assert 60_000 < during < 63_000


def test_what_comes_after_an_early_answer_is_not_held() -> None:
    async def held() -> tuple[int, int]:
        talk = Talk(reads=False)
        await talk.answer()
        await talk.send(POST % 100_000)
        taken = await talk.send(bytes(90_000), at_once=10_000)
        return taken, talk.connection.arrived

    assert asyncio.run(held()) == (90_000, 0)


def test_an_upload_without_end_counts_no_more_than_is_kept_of_it() -> None:
    async def held() -> int:
        talk = Talk()
        await talk.send(POST % 5_000_000)
        await talk.send(bytes(4_000_000), at_once=262_144)
        return talk.connection.arrived

    assert 1 << 20 < asyncio.run(held()) <= 2 << 20
