"""A wire that goes dead without telling anybody: open at both ends, and nothing comes through."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from agent_workers.embedded.ports import LOOPBACK


class Wire:
    """Forwards to a port; those who come after the cut are forwarded all the same."""

    def __init__(self, port: int) -> None:
        self._there = port
        self._cut = threading.Event()
        self._listening = socket.create_server((LOOPBACK, 0))
        self._open: list[socket.socket] = []

    @property
    def port(self) -> int:
        return int(self._listening.getsockname()[1])

    def cut(self) -> None:
        """From now on the connections that there are swallow what is sent."""
        self._cut.set()
        self._cut = threading.Event()

    def snap(self) -> None:
        """End the connections that there are, as a broker does that goes down."""
        for end in list(self._open):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def serve(self) -> None:
        with suppress(OSError):
            while True:
                here, _ = self._listening.accept()
                self._open.append(here)
                there = socket.create_connection((LOOPBACK, self._there))
                self._open.append(there)
                for ends in ((here, there), (there, here)):
                    threading.Thread(target=_carry, args=(*ends, self._cut), daemon=True).start()

    def stop_listening(self) -> None:
        with suppress(OSError):  # it has stopped before
            self._listening.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Once nobody serves any more, who would open others."""
        self._listening.close()
        for end in self._open:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


@contextmanager
def half_open_wire(port: int) -> Iterator[Wire]:
    wire = Wire(port)
    serving = threading.Thread(target=wire.serve, daemon=True)
    serving.start()
    try:
        yield wire
    finally:
        wire.stop_listening()
        serving.join()
        wire.close()


def _carry(source: socket.socket, sink: socket.socket, cut: threading.Event) -> None:
    with suppress(OSError):
        while chunk := source.recv(65_536):
            if not cut.is_set():
                sink.sendall(chunk)
        if not cut.is_set():
            sink.shutdown(socket.SHUT_WR)
