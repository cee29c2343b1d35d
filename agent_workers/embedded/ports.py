"""Free TCP ports on the loopback interface."""

import fcntl
import os
import secrets
import socket
import tempfile
from contextlib import ExitStack
from pathlib import Path

from agent_workers.embedded.errors import EmbeddedServerError, PortTaken
from agent_workers.embedded.processes import wait_until

LOOPBACK = "127.0.0.1"
# Below the range that systems give to outgoing connections: a server that is down for a moment
# would else lose its port to a client, even to the very one that tries to connect to it.
LOWEST, HIGHEST = 10_000, 32_000
ATTEMPTS = 200
# What held it may be the last process of a server just killed.
RELEASE_PATIENCE_S = 2.0


def free_port() -> int:
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """Different ports, free a moment ago; whoever binds one must still expect a rival."""
    with ExitStack() as held:
        return [_bound(held) for _ in range(count)]


def still_free(port: int, *, is_fixed: bool) -> int:
    """This port, or another one when it has been taken and nobody knows it yet."""
    if port_is_free(port):
        return port
    if not is_fixed:
        return free_port()
    if not wait_until(lambda: port_is_free(port), RELEASE_PATIENCE_S):
        raise PortTaken(f"port {port} is taken: stop what uses it (`lsof -i :{port}` shows what)")
    return port


def port_is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As servers do: a port whose last connections are in TIME_WAIT counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def claimed(port: int, held: ExitStack) -> bool:
    """Keep a port from other processes that look for one, until `held` is closed or we die.

    Between looking at a port and a server's binding it there is time for a rival with the same wish.
    """
    path = Path(tempfile.gettempdir()) / f"agent-workers-port-{port}.lock"
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        return True  # another user's: only binding will tell
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return False
    held.callback(os.close, handle)
    return True


def _bound(held: ExitStack) -> int:
    for _ in range(ATTEMPTS):
        port = LOWEST + secrets.randbelow(HIGHEST - LOWEST)
        probe = held.enter_context(socket.socket())
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            continue
        return port
    raise EmbeddedServerError(f"no free port between {LOWEST} and {HIGHEST}")
