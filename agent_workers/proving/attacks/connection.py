"""A client as light as one can be, so that little of what is measured is the measuring."""

import json
import socket
from dataclasses import dataclass
from typing import Any

_END = b"\r\n\r\n"


@dataclass(slots=True)
class Response:
    status: int
    # Any: JSON of whatever the API returned.
    body: Any


class Connection:
    """One keep-alive connection to the API."""

    def __init__(self, *, port: int, token: str, timeout_s: float = 60.0) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=timeout_s)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._head = f"host: bench\r\nauthorization: Bearer {token}\r\n".encode()

    def post(self, path: str, body: bytes, *, media: str = "application/json") -> Response:
        head = b"POST %b HTTP/1.1\r\n%bcontent-type: %b\r\ncontent-length: %d\r\n\r\n"
        return self._ask(head % (path.encode(), self._head, media.encode(), len(body)) + body)

    def get(self, path: str) -> Response:
        return self._ask(self.asking(path))

    def asking(self, path: str) -> bytes:
        """Return what asks for this, for whoever sends it in a way of their own."""
        return b"GET %b HTTP/1.1\r\n%b\r\n" % (path.encode(), self._head)

    def submit(self, agent: str, input_: object, *, priority: int = 0) -> str:
        """Submit a job and return its id."""
        asked: dict[str, object] = {"agent": agent, "input": input_}
        if priority:
            asked["priority"] = priority
        response = self.post("/v1/jobs", json.dumps(asked).encode())
        if response.status not in {200, 202}:
            raise RuntimeError(f"the API answered {response.status}: {response.body!r}")
        return str(response.body["id"])

    def close(self) -> None:
        self._socket.close()

    def _ask(self, request: bytes) -> Response:
        self._socket.sendall(request)
        received = b""
        while _END not in received:
            received += self._more()
        head, _, body = received.partition(_END)
        length = _length(head)
        while len(body) < length:
            body += self._more()
        return Response(int(head[9:12]), json.loads(body) if body else None)

    def _more(self) -> bytes:
        part = self._socket.recv(65_536)
        if not part:
            raise ConnectionError("the API closed the connection")
        return part


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line[15:])
    return 0
