"""A connection that a server has closed meanwhile is not called over, for a POST is never repeated."""

import socket
import threading
from collections.abc import Iterator

import pytest

from agent_workers.client.http import Wire

_ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"


@pytest.fixture
def forgetful() -> Iterator[tuple[str, threading.Event]]:
    """A server that answers once on each connection, and then closes it without a word."""
    closed = threading.Event()
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            connection.recv(65_536)
            connection.sendall(_ANSWER)
            connection.close()
            closed.set()

    thread = threading.Thread(target=serve)
    thread.start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}", closed
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()
    thread.join()


def test_a_connection_that_was_closed_is_made_anew(forgetful: tuple[str, threading.Event]):
    url, closed = forgetful
    wire = Wire(url, "key", timeout_s=5)
    for _ in range(3):
        assert wire.call("POST", "/v1/jobs", body={}, repeatable=False).status == 200
        assert closed.wait(5)
        closed.clear()
    wire.close()
