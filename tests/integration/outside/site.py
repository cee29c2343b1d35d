"""A web site of tests that answers with the bytes it was given, and remembers who asked for what."""

import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

_TLS = b"\x16\x03"
Answer = bytes | Callable[["Asked"], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(kw_only=True)
class Site:
    port: int = 0
    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    def url(self, path: str = "/") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def serve(self, listening: socket.socket) -> None:
        while not self.ended.is_set():
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=self._one, args=(connection,), daemon=True).start()

    def _one(self, connection: socket.socket) -> None:
        with suppress(OSError, ValueError), connection:
            connection.settimeout(10)
            asked = _read(connection)
            self.asked.append(asked)
            answer = self.answers.get(asked.target, b"HTTP/1.1 404 Nothing\r\n\r\n")
            connection.sendall(answer(asked) if callable(answer) else answer)


def said(
    body: bytes | str = b"", *headers: str, status: str = "200 OK", kind: str = "text/plain"
) -> bytes:
    """An answer as bytes, with a length and a type."""
    raw = body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(raw)}", f"content-type: {kind}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + raw


@contextmanager
def serving(answers: Mapping[str, Answer] | None = None) -> Iterator[Site]:
    """Serve on a free port of this host until the end of the block."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(64)
        site = Site(port=listening.getsockname()[1], answers=dict(answers or {}))
        thread = threading.Thread(target=site.serve, args=(listening,), daemon=True)
        thread.start()
        try:
            yield site
        finally:
            site.ended.set()
            with suppress(OSError):
                listening.shutdown(socket.SHUT_RDWR)
            thread.join(5)


def _read(connection: socket.socket) -> Asked:
    got = b""
    while b"\r\n\r\n" not in got:
        got += _more(connection)
        if got.startswith(_TLS):
            raise ConnectionError("somebody speaks TLS")
    head, _, body = got.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (x.partition(":") for x in lines)}
    while len(body) < int(headers.get("content-length", "0")):
        body += _more(connection)
    method, target, _ = first.split(" ")
    return Asked(method=method, target=target, headers=headers, body=body)


def _more(connection: socket.socket) -> bytes:
    chunk = connection.recv(65_536)
    if not chunk:
        raise ConnectionError("closed early")
    return chunk
