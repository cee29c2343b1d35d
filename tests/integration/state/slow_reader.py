"""A wire to Postgres whose client may freeze: from then on nothing is read of what the server says."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sqlalchemy.engine import make_url

from agent_workers.embedded.ports import LOOPBACK

# The least that the kernel grants: what does not fit in is kept by the server.
_BUFFER = 4_096


class Wire:
    """One listening port in front of the server; each connection has a thread for each direction."""

    def __init__(self, database_url: str) -> None:
        url = make_url(database_url)
        self._server = (LOOPBACK, int(url.port or 0))
        self._listener = socket.create_server((LOOPBACK, 0))
        self.url = url.set(port=self._listener.getsockname()[1]).render_as_string(False)
        self._reads = threading.Event()
        self._reads.set()
        self._open: list[socket.socket] = [self._listener]

    def freeze(self) -> None:
        self._reads.clear()

    def thaw(self) -> None:
        self._reads.set()

    @contextmanager
    def running(self) -> Iterator["Wire"]:
        threading.Thread(target=self._accept, daemon=True).start()
        try:
            yield self
        finally:
            self.thaw()
            for one in self._open:
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
                one.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.socket()
                server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
                server.connect(self._server)
                self._open += [client, server]
                threading.Thread(target=self._pass, args=(client, server), daemon=True).start()
                threading.Thread(target=self._read, args=(server, client), daemon=True).start()

    def _pass(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while said := client.recv(65_536):
                server.sendall(said)
            server.shutdown(socket.SHUT_WR)

    def _read(self, server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while True:
                self._reads.wait()
                said = server.recv(_BUFFER)
                self._reads.wait()
                if not said:
                    break
                client.sendall(said)
            client.shutdown(socket.SHUT_WR)
