"""Hosts that others wait for: one never answers, one sends a byte a second."""

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 1000\r\n\r\n"


@contextmanager
def silent() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as server:
        yield int(server.getsockname()[1])


@contextmanager
def trickling() -> Iterator[int]:
    done = threading.Event()
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as server:
        server.settimeout(0)
        thread = threading.Thread(target=_trickle, args=(server, done), daemon=True)
        thread.start()
        try:
            yield int(server.getsockname()[1])
        finally:
            done.set()
            thread.join()


def _trickle(server: socket.socket, done: threading.Event) -> None:
    with ExitStack() as stack:
        callers: list[socket.socket] = []
        while not done.wait(1):
            with suppress(BlockingIOError):
                while True:
                    caller = stack.enter_context(server.accept()[0])
                    _send(caller, _HEAD)
                    callers.append(caller)
            callers = [caller for caller in callers if _send(caller, b".")]


def _send(caller: socket.socket, data: bytes) -> bool:
    try:
        caller.sendall(data)
    except OSError:
        caller.close()
        return False
    return True
