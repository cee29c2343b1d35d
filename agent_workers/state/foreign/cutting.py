"""Ends a connection that says nothing any more: a server that froze keeps nobody waiting."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

from agent_workers.state.database.engine import Connection

# Time-outs of the server come first: they say what was too slow.
_BEYOND = timedelta(seconds=5)


@contextmanager
def cut_off_after(connection: Connection, within: timedelta) -> Iterator[None]:
    """Shut the socket under a connection when a time is over; whoever waits on it gets an error."""
    ours = socket.socket(fileno=os.dup(connection.fileno()))
    timer = threading.Timer((within + _BEYOND).total_seconds(), _shut, (ours,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        ours.close()


def _shut(ours: socket.socket) -> None:
    with suppress(OSError):
        ours.shutdown(socket.SHUT_RDWR)
