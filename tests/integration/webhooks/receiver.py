"""A receiver of webhooks that behaves as its path says: well, badly, slowly or not at all."""

import socket
import ssl
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
ANSWERS = {
    "ok": OK,
    "quiet": b"HTTP/1.1 204 No Content\r\n\r\n",
    "moved": b"HTTP/1.1 301 Moved\r\nlocation: /ok\r\ncontent-length: 0\r\n\r\n",
    "gone": b"HTTP/1.1 410 Gone\r\ncontent-length: 4\r\n\r\ngone",
    "error": b"HTTP/1.1 500 Oops\r\ncontent-length: 5\r\n\r\nsorry",
    "busy": b"HTTP/1.1 429 Later\r\nretry-after: 2\r\ncontent-length: 0\r\n\r\n",
    "closed": b"HTTP/1.1 429 Later\r\nretry-after: 3600\r\ncontent-length: 0\r\n\r\n",
    "silly": b"HTTP/1.1 429 Later\r\nretry-after: Mon, 1 Jan 2024 00:00 +"
    + b"9" * 30
    + b"\r\n\r\n",
    "lies": b"HTTP/1.1 200 OK\r\ncontent-length: 99999\r\n\r\nshort",
    "garbage": b"SSH-2.0-OpenSSH_9.9\r\n\r\n",
    "interim": b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n" + OK,
    "chunks": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "flood": b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 4_000_000,
    "headers": b"HTTP/1.1 200 OK\r\n" + b"x-a: " + b"y" * 90_000 + b"\r\n\r\n",
    "empty": b"",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    path: str
    headers: dict[str, str]
    body: bytes
    at: float

    @property
    def message_id(self) -> str:
        return self.headers["webhook-id"]


@dataclass(kw_only=True)
class Receiver:
    """`script` gives the answers of a path, one request after the other; the last one stays."""

    port: int = 0
    script: dict[str, list[str]] = field(default_factory=dict)
    requests: list[Received] = field(default_factory=list)
    slow_s: float = 30.0
    ended: threading.Event = field(default_factory=threading.Event)
    _seen: Counter[str] = field(default_factory=Counter)

    def url(self, path: str, *, scheme: str = "http") -> str:
        return f"{scheme}://127.0.0.1:{self.port}/{path}"

    def at(self, path: str) -> list[Received]:
        return [one for one in list(self.requests) if one.path == f"/{path}"]

    def serve(self, listening: socket.socket, context: ssl.SSLContext | None) -> None:
        while not self.ended.is_set():
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=self._one, args=(connection, context), daemon=True).start()

    def _one(self, connection: socket.socket, context: ssl.SSLContext | None) -> None:
        with suppress(OSError), connection:
            connection.settimeout(10)
            secured = context.wrap_socket(connection, server_side=True) if context else connection
            with secured:
                self._answer(secured, _read(secured))

    def _answer(self, connection: socket.socket, received: Received) -> None:
        path = urlsplit(received.path).path.removeprefix("/")
        number = self._seen[path]
        self._seen[path] += 1
        self.requests.append(received)
        script = self.script.get(path, [path])
        how = script[min(number, len(script) - 1)]
        match how:
            case "hang":
                self.ended.wait(self.slow_s)
            case "slow":
                self.ended.wait(self.slow_s)
                connection.sendall(OK)
            case "drip":
                for byte in OK * 50:
                    connection.sendall(bytes([byte]))
                    if self.ended.wait(0.05):
                        return
            case "reset":
                linger = struct.pack("ii", 1, 0)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            case _:
                connection.sendall(ANSWERS.get(how, OK))


def _read(connection: socket.socket) -> Received:
    got = b""
    while b"\r\n\r\n" not in got:
        got += _more(connection)
    head, _, body = got.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (x.partition(":") for x in lines)}
    while len(body) < int(headers.get("content-length", "0")):
        body += _more(connection)
    return Received(path=first.split(" ")[1], headers=headers, body=body, at=time.monotonic())


def _more(connection: socket.socket) -> bytes:
    chunk = connection.recv(65_536)
    if not chunk:
        raise ConnectionError("closed early")
    return chunk


@contextmanager
def receiving(context: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """Listen on a free port of this host until the end of the block."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(128)
        receiver = Receiver(port=listening.getsockname()[1])
        thread = threading.Thread(target=receiver.serve, args=(listening, context), daemon=True)
        thread.start()
        try:
            yield receiver
        finally:
            receiver.ended.set()
            with suppress(OSError):
                listening.shutdown(socket.SHUT_RDWR)
            thread.join(5)
